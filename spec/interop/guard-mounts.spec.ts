import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { clean } from "../../lib/guard-clean.js";
import { guardStatus } from "../../lib/guard-status.js";
import type { CreateOptions } from "../../lib/prepare.js";
import { loadSqlite } from "../../lib/stage/sqlite.js";
import { guarded, guardLine, OPTIONS, resumed, STATE, type Guarded } from "../guard/guarded.js";
import { mounts } from "../helpers/mounts.js";
import { contents, writeTree } from "../helpers/tree.js";

const CHANGE = "echo new > state/config.json; rm -r state/sessions; echo more > state/more";

/** A state on a mount: with an archive directory on another disk. */
function worldAt(root: string): Guarded {
  const elsewhere = guarded();
  const state = join(root, "state");
  if (!existsSync(join(state, "config.json"))) writeTree(state, STATE);
  return { ...elsewhere, root, state, around: { ...elsewhere.around, cwd: root }, before: contents(state) };
}

/** SQLite's copy of a database has the same rows, and not the same bytes. */
function withoutDatabase(state: string): Record<string, string> {
  return Object.fromEntries(Object.entries(contents(state)).filter(([path]) => path !== "state.sqlite"));
}

/** What is there of holdstill's own. */
function left(directory: string): string[] {
  return readdirSync(directory).filter((name) => /holdstill|\.(?:failed|restored)-/.test(name));
}

describe("guard on XFS", function () {
  this.timeout(600_000);
  const mounted = mounts();
  let world: Guarded;

  before(function () {
    world = worldAt(mounted.make(this, "xfs", 512));
    writeFileSync(join(world.state, "large.bin"), Buffer.alloc(64 << 20, "large "));
    execFileSync("ln", [join(world.state, "large.bin"), join(world.state, "second-name.bin")]);
  });

  it("keeps a restore point that takes no room, goes back to it without the archive's bytes, and removes it on success", async () => {
    const { DatabaseSync } = await loadSqlite();
    const path = join(world.state, "state.sqlite");
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE t (x); INSERT INTO t VALUES ('old')");
    database.close();
    const before = withoutDatabase(world.state);
    const look = "df --output=used . | tail -1 > used; ls -d state.restored-* > point";
    const used = Number(execFileSync("df", ["--output=used", world.root], { encoding: "utf8" }).split("\n")[1]);
    expect(await guardLine(world, look)).to.include({ outcome: "succeeded" });
    expect(readFileSync(join(world.root, "point"), "utf8")).to.match(/^state\.restored-/);
    // In KiB: the 64 MiB are there only once.
    expect(Number(readFileSync(join(world.root, "used"), "utf8")) - used).to.be.lessThan(16 << 10);
    expect(left(world.root)).to.deep.equal([]);

    world.events.length = 0;
    const report = await guardLine(world, `${CHANGE}; exit 3`);
    expect(report, JSON.stringify(report)).to.include({ outcome: "rolled-back" });
    expect(withoutDatabase(world.state)).to.deep.equal(before);
    const back = new DatabaseSync(path);
    expect(
      back
        .prepare("SELECT x FROM t")
        .all()
        .map((row) => Object.values(row)),
    ).to.deep.equal([["old"]]);
    back.close();
    // Since the command had the terminal nothing was read from the archive: the restore point was enough.
    const after = world.events.slice(world.events.findIndex(({ type }) => type === "handover"));
    expect(after.filter(({ type }) => type === "phase")).to.deep.equal([]);
    expect(lstatSync(join(world.state, "large.bin")).nlink).to.equal(2);
    expect(await clean([world.output], world.around)).to.deep.include({ unfinished: [] });
    expect(left(world.root)).to.deep.equal([]);
  });

  it("takes the archive where the restore point was spoilt", async () => {
    const before = contents(world.state);
    const report = await guardLine(world, `${CHANGE}; echo x > "$(ls -d state.restored-*)/config.json"; exit 3`);
    expect(report).to.include({ outcome: "rolled-back" });
    expect(contents(world.state)).to.deep.equal(before);
    expect(world.events.map((event) => (event.type === "warning" ? event.message : "")).join()).to.match(
      /the restore point is not used/,
    );
    await clean([world.output], world.around);
  });

  it("shows the restore point while the command can still be gone back from", async () => {
    const actions = { ...OPTIONS.actions, stop: undefined };
    const report = await guardLine(world, `${CHANGE}; sleep 600 > state/left & echo $! > pid; exit 3`, { actions });
    try {
      expect(report).to.include({ outcome: "rollback-failed" });
      const { held } = guardStatus([world.output], world.around);
      expect(held[0]?.trees.map(({ what }) => what)).to.deep.equal(["restore-point"]);
      expect(held[0]).to.include({ unfinished: true, next: "put beside" });
    } finally {
      process.kill(Number(readFileSync(join(world.root, "pid"), "utf8")), "SIGKILL");
    }
    expect(await resumed(world)).to.include({ outcome: "rolled-back" });
    await clean([world.output], world.around);
  });
});

describe("guard on mounts", function () {
  this.timeout(600_000);
  const mounted = mounts();

  async function back(world: Guarded, line: string, snapshot: Partial<CreateOptions> = {}): Promise<string[]> {
    const report = await guardLine(world, `${line}; exit 3`, { snapshot });
    expect(report, JSON.stringify(report)).to.include({ outcome: "rolled-back" });
    expect(report.rollback?.left).to.deep.equal([]);
    await clean([world.output], world.around);
    return world.events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
  }

  for (const kind of ["tmpfs", "ext4", "xfs"] as const) {
    it(`exchanges the contents of a state that is a mount point, ${kind}, and says so`, async function () {
      const state = mounted.make(this, kind, 512);
      writeTree(state, STATE);
      const elsewhere = guarded();
      const around = { ...elsewhere.around, cwd: dirname(state) };
      const world = { ...elsewhere, state, around, root: dirname(state) };
      const before = contents(world.state);
      const line = CHANGE.replaceAll("state/", "mounted/");
      const warnings = await back(world, line);
      expect(contents(world.state)).to.deep.equal(before);
      expect(warnings.join()).to.include(`${world.state} is or holds a mount point`);
      expect(left(world.state)).to.deep.equal([]);
      expect(await guardLine(world, line)).to.include({ outcome: "succeeded" });
      expect(left(world.state)).to.deep.equal([]);
    });
  }

  it("puts a state back that is spread over two filesystems", async function () {
    const world = guarded();
    const other = join(mounted.make(this, "tmpfs", 64), "agent");
    writeTree(other, { notes: "old" });
    const sources = [world.state, other];
    await back(world, `${CHANGE}; echo new > ${other}/notes`, { sources });
    expect(contents(world.state)).to.deep.equal(world.before);
    expect(contents(other)).to.deep.equal({ notes: "old" });
  });

  it("leaves a mount inside the state where it is, and puts back what is in it", async function () {
    const outer = mounted.make(this, "tmpfs", 64);
    writeTree(join(outer, "state"), { ...STATE, media: { deep: {} } });
    const world = worldAt(outer);
    const inner = join(world.state, "media/deep");
    mounted.make(this, "tmpfs", 64, undefined, inner);
    writeTree(inner, { song: "old", album: { track: "1" } });
    const before = contents(world.state);
    await back(world, `${CHANGE}; echo new > ${inner}/song; rm -r ${inner}/album; echo x > state/media/beside`);
    expect(contents(world.state)).to.deep.equal(before);
    expect(
      execFileSync("findmnt", ["--noheadings", "--output", "FSTYPE", inner], { encoding: "utf8" }).trim(),
    ).to.equal("tmpfs");
  });

  it("does not touch a mount inside the state that the archive leaves out", async function () {
    const outer = mounted.make(this, "tmpfs", 64);
    writeTree(join(outer, "state"), { ...STATE, workspace: {} });
    const world = worldAt(outer);
    const inner = join(world.state, "workspace");
    mounted.make(this, "tmpfs", 64, undefined, inner);
    writeTree(inner, { mine: "1" });
    await back(world, `${CHANGE}; echo 2 > ${inner}/mine`, { exclude: ["/workspace/"] });
    expect(contents(world.state)).to.deep.equal({ ...world.before, "workspace/mine": "2\n" });
  });

  it("refuses a file that is mounted by itself, and runs nothing", async function () {
    const world = worldAt(mounted.make(this, "tmpfs", 64));
    const file = join(world.root, "mounted.json");
    writeFileSync(file, "{}");
    mounted.bind(this, file, join(world.state, "config.json"));
    const error: unknown = await guardLine(world, "touch ran").catch((reason: unknown) => reason);
    expect(error).to.include({ code: "output-unusable" });
    expect(existsSync(join(world.root, "ran"))).to.equal(false);
  });

  it("says how much room is missing when the command has filled the disk, and goes back when there is some", async function () {
    const world = worldAt(mounted.make(this, "ext4", 64));
    writeFileSync(join(world.state, "large.bin"), Buffer.alloc(20 << 20, "x"));
    const before = contents(world.state);
    const report = await guardLine(world, "cat /dev/zero > fill; echo new > state/config.json; exit 3");
    expect(report).to.include({ outcome: "rollback-failed" });
    expect(report.rollback?.why).to.match(/are needed to put the state back, and .* are free/);
    rmSync(join(world.root, "fill"));
    expect(await resumed(world)).to.include({ outcome: "rolled-back" });
    expect(contents(world.state)).to.deep.equal(before);
    mkdirSync(join(world.root, "room"));
  });
});
