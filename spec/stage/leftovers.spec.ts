import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  readdirSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { MARKER, removeDeadStages, STAGE_PREFIX } from "../../lib/stage/leftovers.js";
import { startTimeOf, thisProcess, type Owner } from "../../lib/vault/owner.js";
import { fsWith, interrupted, refuse } from "../helpers/port.js";
import { createFrom } from "../helpers/run.js";
import { contents, link, tmpDirectory, tmpTree, writeTree, type Tree } from "../helpers/tree.js";

const HOUR_MS = 3_600_000;

/** A process that has ended. */
function dead(): Owner {
  return { ...thisProcess(), pid: spawnSync(process.execPath, ["-e", ""]).pid, startTime: "1" };
}

function nameOf({ id, pid, startTime }: Pick<Owner, "id" | "pid" | "startTime">): string {
  return `${STAGE_PREFIX}${id}-${pid}-${startTime}`;
}

function makeStage(parent: string, name: string, tree: Tree, mode = 0o700): string {
  const path = join(parent, name);
  writeTree(path, tree);
  chmodSync(path, mode);
  return path;
}

function marked(parent: string, owner: Owner, tree: Tree = { 0: "staged\n" }): string {
  return makeStage(parent, nameOf(owner), { ...tree, [MARKER]: JSON.stringify(owner) });
}

function cleaned(parent: string, fs: Filesystem = disk, now = Date.now()): number {
  return removeDeadStages(fs, [bytesOf(parent)], thisProcess(), now);
}

describe("stages that runs left behind", () => {
  const children: ChildProcess[] = [];
  let parent: string;

  /** A process that goes on until the spec is over. */
  async function alive(): Promise<Owner> {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" });
    children.push(child);
    await once(child, "spawn");
    const { pid = 0 } = child;
    return { ...thisProcess(), pid, startTime: startTimeOf(pid) ?? "" };
  }

  beforeEach(() => {
    parent = tmpDirectory();
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
  });

  it("are removed by the next run when their owner is dead, wherever a stage may lie", async () => {
    const root = tmpTree({ "a.jsonl": "a\n" });
    const cache = tmpDirectory();
    const stages = [marked(dirname(root), dead()), marked(root, dead()), marked(join(cache, "holdstill"), dead())];
    const report = await createFrom(root, {}, { env: { PATH: process.env["PATH"], XDG_CACHE_HOME: cache } });
    expect(stages.filter((path) => existsSync(path))).to.deep.equal([]);
    expect(report.counts.files).to.equal(1);
    expect(report.excluded.count).to.equal(0);
    expect(readdirSync(dirname(root))).to.deep.equal(["source"]);
  });

  it("leave no trace in the time of the directory that they were in", async () => {
    const root = tmpTree({ "a.jsonl": "a\n" });
    marked(root, dead());
    execFileSync("touch", ["-d", "2026-01-02T03:04:05.123456789Z", root]);
    const { mtimeNs } = lstatSync(root, { bigint: true });
    await createFrom(root);
    expect(readdirSync(root)).to.deep.equal(["a.jsonl"]);
    expect(lstatSync(root, { bigint: true }).mtimeNs).to.equal(mtimeNs);
  });

  it("leave the directory the time that others gave it while they were removed", async () => {
    const root = tmpTree({ "a.jsonl": "a\n" });
    marked(root, dead());
    const isMarker = (path: string): boolean => path.endsWith(`/${MARKER}`);
    const { fs, came } = interrupted("before", "unlink", isMarker, () => {
      writeFileSync(join(root, "new.jsonl"), "new\n");
      execFileSync("touch", ["-d", "2026-02-03T04:05:06.987654321Z", root]);
    });
    cleaned(root, fs);
    expect(came()).to.equal(true);
    expect(readdirSync(root).sort()).to.deep.equal(["a.jsonl", "new.jsonl"]);
    expect(lstatSync(root, { bigint: true }).mtimeNs % 1_000_000_000n).to.equal(987_654_321n);
  });

  it("are left to an owner that is alive", async () => {
    const root = tmpTree({ "a.jsonl": "a\n" });
    const owner = await alive();
    const beside = marked(dirname(root), owner);
    const unmarked = makeStage(dirname(root), nameOf({ ...owner, id: "0123456789abcdef" }), {});
    const before = contents(dirname(root));
    await createFrom(root);
    expect(contents(dirname(root))).to.deep.equal(before);
    expect([beside, unmarked].map((path) => existsSync(path))).to.deep.equal([true, true]);
  });

  it("are removed when another process has the number of their owner", async () => {
    const stage = marked(parent, { ...(await alive()), startTime: "1" });
    expect(cleaned(parent)).to.equal(1);
    expect(existsSync(stage)).to.equal(false);
  });

  it("are left to an owner on another host until an hour without a heartbeat", () => {
    const stage = marked(parent, { ...dead(), host: "elsewhere", hostname: "elsewhere" });
    const now = Date.now();
    utimesSync(join(stage, MARKER), now / 1000, now / 1000);
    expect(cleaned(parent, disk, now + HOUR_MS - 1000)).to.equal(0);
    expect(existsSync(stage)).to.equal(true);
    expect(cleaned(parent, disk, now + HOUR_MS + 1000)).to.equal(1);
    expect(existsSync(stage)).to.equal(false);
  });

  const DEAD: readonly (readonly [string, (owner: Owner) => string])[] = [
    ["has no marker yet", (owner) => makeStage(parent, nameOf(owner), {})],
    ["has an empty marker", (owner) => makeStage(parent, nameOf(owner), { [MARKER]: "" })],
    [
      "has half a marker",
      (owner) => makeStage(parent, nameOf(owner), { [MARKER]: JSON.stringify(owner).slice(0, 20) }),
    ],
    ["was removed in part", (owner) => marked(parent, owner, { 1: "staged\n", left: { deep: {} } })],
    ["was removed but for its marker", (owner) => marked(parent, owner, {})],
    [
      "was moved aside, its owner killed before it was gone",
      () => makeStage(parent, `${STAGE_PREFIX}0123456789abcdef-0-`, {}),
    ],
    ["was moved aside and is full", (owner) => moved(marked(parent, owner), `${STAGE_PREFIX}0123456789abcdef-0-`)],
  ];
  for (const [title, make] of DEAD) {
    it(`include one that ${title}`, () => {
      const stage = make(dead());
      expect(existsSync(stage)).to.equal(true);
      expect(cleaned(parent)).to.equal(1);
      expect(readdirSync(parent)).to.deep.equal([]);
    });
  }

  const FOREIGN: readonly (readonly [string, (owner: Owner) => string])[] = [
    ["a directory that others may read", (owner) => makeStage(parent, nameOf(owner), {}, 0o755)],
    ["one that others may read, with a marker", (owner) => chmodded(marked(parent, owner), 0o755)],
    ["a directory with files and no marker", (owner) => makeStage(parent, nameOf(owner), { "mine.txt": "mine\n" })],
    ["a name that only begins like a stage's", () => makeStage(parent, `${STAGE_PREFIX}notes`, {})],
    ["a file", (owner) => file(parent, nameOf(owner))],
  ];
  for (const [title, make] of FOREIGN) {
    it(`do not include ${title}`, () => {
      make(dead());
      const before = contents(parent);
      expect(cleaned(parent)).to.equal(0);
      expect(contents(parent)).to.deep.equal(before);
    });
  }

  it("do not include what a link of that name leads to", () => {
    const elsewhere = tmpDirectory();
    const owner = dead();
    const target = marked(elsewhere, owner);
    writeTree(parent, { [nameOf(owner)]: link(target) });
    expect(cleaned(parent)).to.equal(0);
    expect(Object.keys(contents(target))).to.deep.equal(["0", MARKER]);
    expect(lstatSync(join(parent, nameOf(owner))).isSymbolicLink()).to.equal(true);
  });

  it("do not include another user's", function () {
    if (process.getuid?.() !== 0) this.skip();
    const stage = marked(parent, dead());
    chownSync(stage, 65534, 65534);
    expect(cleaned(parent)).to.equal(0);
    expect(existsSync(join(stage, "0"))).to.equal(true);
  });

  it("are removed without following the links in them", () => {
    const elsewhere = tmpTree({ "kept.txt": "kept\n", kept: { "deep.txt": "deep\n" } });
    marked(parent, dead(), { file: link(join(elsewhere, "kept.txt")), directory: link(elsewhere) });
    expect(cleaned(parent)).to.equal(1);
    expect(readdirSync(parent)).to.deep.equal([]);
    expect(Object.keys(contents(elsewhere))).to.deep.equal(["kept/", "kept/deep.txt", "kept.txt"]);
  });

  it("are removed by one of two runs that find them together", () => {
    marked(parent, dead());
    let first = 0;
    const other = (): void => void (first = cleaned(parent));
    const { fs, came } = interrupted("before", "rename", () => true, other);
    expect(cleaned(parent, fs)).to.equal(0);
    expect({ came: came(), first }).to.deep.equal({ came: true, first: 1 });
    expect(readdirSync(parent)).to.deep.equal([]);
  });

  for (const code of ["EACCES", "EPERM", "EROFS"]) {
    it(`do not keep a run from working where they cannot be removed (${code})`, async () => {
      const root = tmpTree({ "a.jsonl": "a\n" });
      const stage = marked(dirname(root), dead());
      const report = await createFrom(root, {}, { fs: fsWith({ rename: refuse(code) }) });
      expect(report).to.include({ outcome: "published", complete: true });
      expect(existsSync(stage)).to.equal(true);
    });
  }

  it("do not keep a run from working where what is in them cannot be removed", async () => {
    const root = tmpTree({ "a.jsonl": "a\n" });
    marked(dirname(root), dead(), { immutable: "i" });
    const unlink: Filesystem["unlink"] = (path) =>
      path.endsWith("/immutable") ? refuse("EPERM")() : disk.unlink(path);
    const report = await createFrom(root, {}, { fs: fsWith({ unlink }) });
    expect(report).to.include({ outcome: "published", complete: true });
    const [left = ""] = readdirSync(dirname(root)).filter((name) => name.startsWith(STAGE_PREFIX));
    expect(readdirSync(join(dirname(root), left))).to.have.members(["immutable", MARKER]);
  });

  it("keep their marker to the last, so that a removal that is interrupted can be finished", () => {
    marked(parent, dead(), { a: "a", z: "z", directory: { x: "x" } });
    const removed: string[] = [];
    const fs = fsWith({
      unlink: (path) => {
        removed.push(path.slice(path.lastIndexOf("/") + 1));
        disk.unlink(path);
      },
    });
    expect(cleaned(parent, fs)).to.equal(1);
    expect(removed).to.have.members(["a", "z", "x", MARKER]);
    expect(removed.at(-1)).to.equal(MARKER);
  });
});

function moved(path: string, name: string): string {
  const to = join(dirname(path), name);
  renameSync(path, to);
  return to;
}

function chmodded(path: string, mode: number): string {
  chmodSync(path, mode);
  return path;
}

function file(parent: string, name: string): string {
  writeTree(parent, { [name]: "mine\n" });
  return join(parent, name);
}
