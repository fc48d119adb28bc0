import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { HoldstillError } from "../lib/errors.js";
import { disk, type Filesystem } from "../lib/filesystem.js";
import { restore, type RestoreOptions } from "../lib/restore.js";
import type { Surroundings } from "../lib/surroundings.js";
import { withMounts } from "./helpers/mount-table.js";
import { mounts } from "./helpers/mounts.js";
import { entry, tar } from "./helpers/raw-tar.js";
import { errno, fsWith, refuse } from "./helpers/port.js";
import { restoreInto } from "./helpers/restored.js";
import { createFrom, surroundings } from "./helpers/run.js";
import { contents, link, tmpDirectory, tmpTree, type Tree } from "./helpers/tree.js";

const MARK = ".holdstill-partial";

const TREE: Tree = {
  agents: { main: { sessions: { "one.jsonl": "1\n", "two.jsonl": "2\n" } }, other: { "x.txt": "x" } },
  "agents-of-old": { "y.txt": "y" },
  "notes.txt": "n\n",
  large: "large ".repeat(400_000),
  latest: link("agents/main"),
  host: link("/etc/hostname"),
  empty: {},
};

async function backedUp(tree: Tree = TREE, prepare: (source: string) => void = () => {}) {
  const source = tmpTree(tree);
  prepare(source);
  const { archive } = await createFrom(source);
  const target = join(tmpDirectory(), "made", "target");
  return { source, archive, target };
}

function run(options: Pick<RestoreOptions, "archive" | "target"> & Partial<RestoreOptions>, fs?: Partial<Filesystem>) {
  return restore(restoreInto(options.target, options), surroundings(fs && { fs: fsWith(fs) }));
}

async function failure(use: Promise<unknown>): Promise<HoldstillError> {
  const error: unknown = await use.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof HoldstillError) return error;
  throw error instanceof Error ? error : new Error("it did not fail");
}

/** So that nothing is known of an archive but what it holds. */
function withoutCopy(archive: string): string {
  rmSync(join(archive, "..", ".holdstill"), { recursive: true });
  return archive;
}

const micros = (path: string): bigint => lstatSync(path, { bigint: true }).mtimeNs / 1000n;

describe("restore", () => {
  const mounted = mounts();

  it("puts everything at its recorded path below the target, with modes, times and links", async () => {
    const { source, archive, target } = await backedUp(TREE, (path) => {
      linkSync(join(path, "notes.txt"), join(path, "same.txt"));
      chmodSync(join(path, "notes.txt"), 0o640);
      chmodSync(join(path, "agents-of-old"), 0o500);
      utimesSync(join(path, "agents/other/x.txt"), 1_700_000_000.123457, 1_700_000_000.123457);
      utimesSync(join(path, "agents"), 1_600_000_000.5, 1_600_000_000.5);
    });
    const report = await run({ archive, target });
    const restored = join(target, source);
    expect(contents(restored)).to.deep.equal(contents(source));
    for (const path of ["agents/other/x.txt", "agents", "notes.txt", "large", "empty", "latest", "."]) {
      expect(micros(join(restored, path)), path).to.equal(micros(join(source, path)));
    }
    for (const path of ["notes.txt", "agents-of-old", "empty", "."]) {
      expect(lstatSync(join(restored, path)).mode, path).to.equal(lstatSync(join(source, path)).mode);
    }
    expect(lstatSync(join(restored, "same.txt")).ino).to.equal(lstatSync(join(restored, "notes.txt")).ino);
    expect(report).to.deep.include({ outcome: "restored", complete: true, failed: [], skipped: [], outwardLinks: 1 });
    expect(report.counts).to.deep.include({ files: 6, directories: 7, symlinks: 2, hardlinks: 1 });
    expect(lstatSync(target).mode & 0o777).to.equal(0o700);
    expect(readdirSync(target)).not.to.include(MARK);
  });

  it("restores the same where the copy of the index is missing, damaged or of another archive", async () => {
    const { source, archive } = await backedUp();
    const other = await createFrom(tmpTree({ "other.txt": "o" }));
    const copyOf = (path: string): string => join(path, "..", ".holdstill/index", `${path.split("/").at(-1)}.jsonl.gz`);
    const spoil: readonly (() => void)[] = [
      () => writeFileSync(copyOf(archive), readFileSync(copyOf(archive)).subarray(0, 200)),
      () => writeFileSync(copyOf(archive), "no gzip"),
      () => renameSync(copyOf(other.archive), copyOf(archive)),
      () => rmSync(join(archive, "../.holdstill"), { recursive: true }),
    ];
    for (const act of spoil) {
      act();
      const target = join(tmpDirectory(), "target");
      await run({ archive, target });
      expect(contents(join(target, source))).to.deep.equal(contents(source));
    }
  });

  it("leaves out the leading path with --strip: one source is the target, several have a directory each", async () => {
    const { source, archive, target } = await backedUp();
    const report = await run({ archive, target, strip: true });
    expect(contents(target)).to.deep.equal(contents(source));
    expect(micros(target)).to.equal(micros(source));
    expect(report.roots).to.deep.equal([{ kind: "workspace", source, restored: target }]);

    const sources = [tmpTree({ a: "1" }, "state"), tmpTree({ b: "2" }, "state"), tmpTree({ c: "3" }, "Work")];
    const several = await createFrom("", { sources });
    const into = join(tmpDirectory(), "target");
    await run({ archive: several.archive, target: into, strip: true });
    expect(Object.keys(contents(into)).filter((path) => !path.endsWith("/"))).to.have.members(
      several.sources.map(({ path }, index) => {
        const name = ["state", "state-2", "Work"];
        const position = several.sources.slice(0, index).filter((before) => before.path.endsWith("/state")).length;
        const own = path.endsWith("/state") ? name[position] : "Work";
        return `${own}/${readdirSync(path)[0]}`;
      }),
    );
  });

  it("restores what matches --include and not --exclude, with the directories above it", async () => {
    const { source, archive } = await backedUp(TREE, (path) => chmodSync(join(path, "agents"), 0o750));
    const chosen = async (include: readonly string[], exclude: readonly string[] = []): Promise<string[]> => {
      const target = join(tmpDirectory(), "target");
      const report = await run({ archive, target, include, exclude });
      const below = join(target, source);
      if (existsSync(join(below, "agents"))) expect(lstatSync(join(below, "agents")).mode & 0o777).to.equal(0o750);
      expect(report.nextSteps.slice(1)).to.deep.equal([
        `  cp -a ${source}/. ${source}.before-restore &&`,
        `  cp -a --remove-destination ${below}/. ${source}/`,
      ]);
      return Object.keys(contents(below)).filter((path) => !path.endsWith("/"));
    };
    expect(await chosen(["*.jsonl"])).to.deep.equal([
      "agents/main/sessions/one.jsonl",
      "agents/main/sessions/two.jsonl",
    ]);
    expect(await chosen(["/agents/main"], ["two*"])).to.deep.equal(["agents/main/sessions/one.jsonl"]);
    expect(await chosen([join(source, "notes.txt")])).to.deep.equal(["notes.txt"]);
    expect(await chosen([], ["agents*", "large"])).to.deep.equal(["host", "latest", "notes.txt"]);
    expect((await failure(chosen(["nothing-of-this"]))).code).to.equal("usage");
  });

  it("gives a hard link the content of a file that is left out", async () => {
    const { source, archive, target } = await backedUp({ a: "shared" }, (path) => {
      for (const name of ["b", "c"]) linkSync(join(path, "a"), join(path, name));
    });
    const { counts } = await run({ archive, target, exclude: ["a"] });
    expect(contents(join(target, source))).to.deep.equal({ b: "shared", c: "shared" });
    expect(lstatSync(join(target, source, "b")).nlink).to.equal(2);
    expect(counts).to.deep.include({ files: 1, hardlinks: 1, bytes: 6 });
  });

  it("refuses a target that is not empty, or lies in what was backed up, and touches neither", async () => {
    const { source, archive, target } = await backedUp();
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, "mine"), "mine");
    const inside = join(source, "agents", "restored");
    const through = join(tmpDirectory(), "link");
    symlinkSync(source, through);
    const before = contents(source);
    for (const [path, code] of [
      [target, "output-exists"],
      [join(target, "mine"), "output-exists"],
      [inside, "output-unusable"],
      [join(through, "restored"), "output-unusable"],
    ] as const) {
      expect((await failure(run({ archive, target: path }))).code, path).to.equal(code);
    }
    expect(contents(source)).to.deep.equal(before);
    expect(contents(target)).to.deep.equal({ mine: "mine" });
  });

  it("refuses a target in the OpenClaw state of this machine, or around it, wherever the archive is from", async () => {
    const { archive } = await backedUp();
    const homedir = tmpTree({ home: { ".openclaw": { "openclaw.json": "{}" } } });
    const state = join(homedir, "home", ".openclaw");
    const here: Surroundings = {
      ...surroundings(),
      homedir: join(homedir, "home"),
      env: { HOME: join(homedir, "home") },
    };
    const elsewhere = { ...here, env: { OPENCLAW_STATE_DIR: tmpDirectory() } };
    const into = (target: string, around = here) => restore(restoreInto(target, { archive }), around);
    const error = await failure(into(join(state, "restored")));
    expect([error.code, error.message]).to.deep.equal([
      "output-unusable",
      `the target is not outside of the OpenClaw state of this machine: ${state}`,
    ]);
    expect(contents(state)).to.deep.equal({ "openclaw.json": "{}" });
    expect(await into(join(state, "restored"), elsewhere)).to.include({ outcome: "restored" });
    rmSync(state, { recursive: true });
    expect(await into(state)).to.include({ outcome: "restored" });
  });

  it("refuses a target that a mount of a part of the source leads to", async () => {
    const { source, archive, target } = await backedUp();
    const root = "1 0 8:1 / / rw - ext4 /dev/sda rw";
    const bound = (what: string): string => `2 1 8:1 ${what} ${join(target, "..")} rw - ext4 /dev/sda rw`;
    mkdirSync(join(target, ".."));
    const { code, message } = await failure(run({ archive, target }, withMounts(root, bound(join(source, "agents")))));
    expect([code, message]).to.deep.equal([
      "output-unusable",
      `the target is not outside of what was backed up: ${source}`,
    ]);
    expect(existsSync(target)).to.equal(false);
    expect(await run({ archive, target }, withMounts(root, bound("/elsewhere")))).to.include({ outcome: "restored" });
  });

  it("takes an empty directory for a target", async () => {
    const { source, archive } = await backedUp();
    const target = tmpDirectory();
    await run({ archive, target });
    expect(contents(join(target, source))).to.deep.equal(contents(source));
  });

  it("only tells what it would do with --dry-run", async () => {
    const { archive, target } = await backedUp();
    for (const path of [archive, withoutCopy(archive)]) {
      const report = await run({ archive: path, target, dryRun: true }, { space: () => ({ total: 1, available: 0 }) });
      expect(report.outcome).to.equal("planned");
      expect(report.counts).to.deep.include({ files: 6, directories: 7, symlinks: 2 });
      expect(existsSync(join(target, ".."))).to.equal(false);
    }
  });

  it("finds a damaged archive with --dry-run too, whatever its catalog says", async () => {
    const { archive, target } = await backedUp();
    writeFileSync(archive, readFileSync(archive).subarray(0, 3000));
    expect((await failure(run({ archive, target, dryRun: true }))).code).to.equal("bad-archive");
  });

  it("refuses a damaged archive, and leaves nothing behind", async () => {
    const { archive, target } = await backedUp();
    const bytes = readFileSync(archive);
    const at = bytes.indexOf("large large");
    bytes.write("LARGE", at);
    writeFileSync(archive, bytes);
    for (const path of [archive, withoutCopy(archive)]) {
      expect((await failure(run({ archive: path, target }))).code).to.equal("bad-archive");
      expect(existsSync(join(target, ".."))).to.equal(false);
    }
  });

  it("does not begin where the space is too small, and undoes what was written where it ends", async () => {
    const { archive, target } = await backedUp();
    const small = await failure(run({ archive, target }, { space: () => ({ total: 1e6, available: 1e5 }) }));
    expect(small.code).to.equal("no-space");
    expect(small.message).to.match(/^2\.\d MiB are needed and 98 KiB are free$/);
    const full = await failure(run({ archive, target }, { writeAsync: () => Promise.reject(errno("ENOSPC")) }));
    expect(full.code).to.equal("no-space");
    expect(existsSync(join(target, ".."))).to.equal(false);
  });

  it("leaves a mark where it is interrupted, and starts over there when it is run again", async () => {
    const { source, archive, target } = await backedUp();
    const controller = new AbortController();
    const reason = new HoldstillError("interrupted", "interrupted");
    const around = surroundings({
      signal: controller.signal,
      fs: fsWith({
        async writeAsync(): Promise<number> {
          controller.abort(reason);
          throw reason;
        },
      }),
    });
    expect(await failure(restore(restoreInto(target, { archive }), around))).to.equal(reason);
    expect(around.events.filter(({ type }) => type === "warning")).to.deep.equal([
      {
        type: "warning",
        message: `${target} is partial, and says so in ${MARK}: restore into it again, or remove it`,
      },
    ]);
    expect(JSON.parse(readFileSync(join(target, MARK), "utf8"))).to.include({ archive });
    mkdirSync(join(target, source, "agents", "closed"));
    chmodSync(join(target, source, "agents", "closed"), 0);

    // While whoever wrote the mark may be alive, nobody else goes there.
    expect((await failure(run({ archive, target }))).message).to.match(/^another restore is at work there/);
    const mark = JSON.parse(readFileSync(join(target, MARK), "utf8")) as { owner: { startTime: string } };
    mark.owner.startTime = "1";
    writeFileSync(join(target, MARK), JSON.stringify(mark));

    const other = await createFrom(tmpTree({ "other.txt": "o" }));
    expect((await failure(run({ archive: other.archive, target }))).code).to.equal("output-exists");
    const asked: string[] = [];
    const refused = run({ archive, target, confirm: async (path) => asked.push(path) === 0 });
    expect((await failure(refused)).message).to.equal("the partial restore stays as it is");
    expect(asked).to.deep.equal([target]);
    expect(readdirSync(target)).to.include(MARK);
    await run({ archive, target, confirm: async () => true });
    expect(contents(join(target, source))).to.deep.equal(contents(source));
    expect(readdirSync(target)).not.to.include(MARK);
  });

  it("is done where the disk has only something to say when the target is closed, and tells it", async () => {
    const { source, archive, target } = await backedUp();
    let openedAs = -1;
    const around = surroundings({
      fs: fsWith({
        openDirectory(path) {
          const fd = disk.openDirectory(path);
          if (path === target && openedAs < 0) openedAs = fd;
          return fd;
        },
        close(fd) {
          disk.close(fd);
          if (fd === openedAs) throw errno("EIO");
        },
      }),
    });
    const report = await restore(restoreInto(target, { archive, strip: true }), around);
    expect(report).to.include({ outcome: "restored", complete: true });
    expect(contents(target)).to.deep.equal(contents(source));
    expect(around.events.filter(({ type }) => type === "warning")).to.have.lengthOf(1);
  });

  it("takes all back, and warns of nothing, where its very last step fails", async () => {
    const { archive, target } = await backedUp();
    let isUnmarked = false;
    const around = surroundings({
      fs: fsWith({
        unlink(path) {
          disk.unlink(path);
          isUnmarked ||= path.endsWith(`/${MARK}`);
        },
        sync: (fd) => (isUnmarked ? Promise.reject(errno("EIO")) : disk.sync(fd)),
      }),
    });
    const error: unknown = await restore(restoreInto(target, { archive }), around).catch((reason: unknown) => reason);
    expect(error).to.include({ code: "EIO" });
    expect(existsSync(join(target, ".."))).to.equal(false);
    expect(around.events.filter(({ type }) => type === "warning")).to.deep.equal([]);
  });

  it("says of a target that cannot be entered that it cannot, and nothing of a source", async () => {
    const { archive, target } = await backedUp();
    const openDirectory: typeof disk.openDirectory = (path) => {
      if (path.endsWith("/.")) throw errno("EACCES");
      return disk.openDirectory(path);
    };
    const error: unknown = await run({ archive, target }, { openDirectory }).catch((reason: unknown) => reason);
    expect(error).to.include({ code: "EACCES" });
    expect(existsSync(join(target, ".."))).to.equal(false);
  });

  it("does not take just any file for its mark", async () => {
    const { archive } = await backedUp();
    for (const text of ["{}", "no JSON", '{"archive":"x","digest":"y","owner":{}}']) {
      const target = tmpDirectory();
      writeFileSync(join(target, MARK), text, { mode: 0o600 });
      expect((await failure(run({ archive, target }))).code).to.equal("output-exists");
      expect(readFileSync(join(target, MARK), "utf8")).to.equal(text);
    }
  });

  it("takes an empty mark for its own only where nothing else is: its run was ended before it could write it", async () => {
    const { archive } = await backedUp();
    const target = tmpDirectory();
    writeFileSync(join(target, MARK), "", { mode: 0o600 });
    writeFileSync(join(target, "other"), "");
    expect((await failure(run({ archive, target }))).code).to.equal("output-exists");
    rmSync(join(target, "other"));
    expect(await run({ archive, target })).to.include({ outcome: "restored", complete: true });
    expect(readdirSync(target)).not.to.include(MARK);
  });

  it("names what the disk refuses, and all that would lie in it, and restores the rest", async () => {
    const { source, archive, target } = await backedUp();
    const { failed, complete } = await run(
      { archive, target },
      {
        mkdir(path, mode) {
          if (path.endsWith("/agents-of-old")) throw errno("EEXIST");
          fsWith({}).mkdir(path, mode);
        },
        create(path, mode) {
          if (path.endsWith("/notes.txt")) throw errno("EACCES");
          return fsWith({}).create(path, mode);
        },
      },
    );
    expect(complete).to.equal(false);
    const below = source.slice(1);
    expect(failed).to.deep.equal([
      { path: `${below}/agents-of-old`, reason: "EEXIST" },
      { path: `${below}/agents-of-old/y.txt`, reason: "EEXIST" },
      { path: `${below}/notes.txt`, reason: "EACCES" },
    ]);
    expect(readFileSync(join(target, source, "agents/other/x.txt"), "utf8")).to.equal("x");
  });

  it("copies where the disk has no hard links", async () => {
    const { source, archive, target } = await backedUp({ a: "shared" }, (path) =>
      linkSync(join(path, "a"), join(path, "b")),
    );
    const { counts, complete } = await run({ archive, target }, { link: refuse("EPERM") });
    expect(contents(join(target, source))).to.deep.equal({ a: "shared", b: "shared" });
    expect({ complete, ...counts }).to.include({ complete: true, files: 2, hardlinks: 0 });
  });

  it("gives back a tree that is deeper than any path that can be named, as it was backed up", async () => {
    const source = tmpTree({});
    const before = process.cwd();
    process.chdir(source);
    for (let depth = 0; depth < 50; depth++) {
      mkdirSync("d".repeat(100));
      process.chdir("d".repeat(100));
    }
    writeFileSync("deepest", "x");
    process.chdir(before);
    const { archive } = await createFrom(source, { strategy: "link" });
    const target = join(tmpDirectory(), "target");
    expect(await run({ archive, target, strip: true })).to.include({ complete: true });
    const files = (path: string): string => execFileSync("find", [".", "-type", "f"], { cwd: path, encoding: "utf8" });
    expect(files(target)).to.equal(files(source)).with.length.above(5000);
    // Node's own removal names whole paths.
    execFileSync("rm", ["-rf", source, target]);
  });

  it("ends with what is to be done: nothing in the old place, and never over what was kept before", async () => {
    const { source, archive, target } = await backedUp();
    mkdirSync(`${source}.before-restore`);
    const steps = async (to = target) => (await run({ archive, target: to, strip: true })).nextSteps.slice(1);
    expect(await steps()).to.deep.equal([
      `  mv ${source} ${source}.before-restore-2 &&`,
      `  mv -T ${target} ${source}`,
    ]);
    rmSync(target, { recursive: true });
    rmSync(join(source, ".."), { recursive: true });
    expect(await steps()).to.deep.equal([`  mkdir -p ${join(source, "..")} &&`, `  mv -T ${target} ${source}`]);
    expect((await run({ archive, target: source, strip: true })).nextSteps).to.deep.equal([
      "It is in its place already.",
    ]);
  });

  it("takes no way into a live source by a bind mount", async function () {
    const { source, archive } = await backedUp();
    const at = tmpDirectory();
    const release = mounted.bind(this, source, at);
    try {
      expect((await failure(run({ archive, target: join(at, "t") }))).code).to.equal("output-unusable");
    } finally {
      release();
    }
  });

  it("counts owners that it cannot give back", async () => {
    const { archive, target } = await backedUp({ "a.txt": "a" }, (path) => {
      if (process.getuid?.() === 0) fsWith({}).lchown(join(path, "a.txt") as never, 12345, 12345);
    });
    const { withheld, complete } = await run({ archive, target }, { fchown: refuse("EPERM") });
    expect({ complete, owners: withheld.owners }).to.deep.equal({
      complete: true,
      owners: process.getuid?.() === 0 ? 1 : 0,
    });
  });

  it("syncs every file and directory where few were written", async () => {
    const { archive, target } = await backedUp({ a: { b: "1", c: "2" } });
    const synced: bigint[] = [];
    const sync: Filesystem["sync"] = async (fd) => {
      synced.push(BigInt(fsWith({}).fstat(fd).ino));
      await fsWith({}).sync(fd);
    };
    const { roots } = await run({ archive, target }, { sync });
    const root = roots[0]?.restored ?? "";
    for (const path of ["a/b", "a/c", "a", ".", "../.."]) {
      expect(synced, path).to.include(lstatSync(join(root, path), { bigint: true }).ino);
    }
  });

  it("names what lies outside of all that was backed up, and is left out with --strip", async () => {
    const root = "2026-11-23-openclaw-backup";
    const inPayload = (path: string): Buffer => entry(`${root}/payload/posix${path}`, "x");
    const manifest = (path: string): Buffer =>
      entry(
        `${root}/manifest.json`,
        JSON.stringify({
          ...{ schemaVersion: 1, createdAt: "2026-11-23T10:00:00.000Z", archiveRoot: root },
          assets: [{ kind: "state", sourcePath: path, archivePath: `${root}/payload/posix${path}` }],
        }),
      );
    const archive = join(tmpDirectory(), "backup.tar");
    const parent = entry(`${root}/payload/posix/srv/`, "", { typeflag: "5" });
    writeFileSync(archive, tar(parent, inPayload("/srv/oc/a"), inPayload("/etc/x"), manifest("/srv/oc")));
    const stripped = await run({ archive, target: join(tmpDirectory(), "t"), strip: true });
    expect(stripped).to.deep.include({
      complete: false,
      skipped: [{ path: "etc/x", reason: "outside of what was backed up; without --strip it is restored" }],
    });
    expect(await run({ archive, target: join(tmpDirectory(), "t") })).to.deep.include({ complete: true, skipped: [] });
    const asked = { archive, strip: true, include: ["/srv/oc"] };
    expect(await run({ ...asked, target: join(tmpDirectory(), "t") })).to.deep.include({ complete: true });

    writeFileSync(archive, tar(inPayload("/srv/oc/a"), inPayload("/etc/x"), manifest("")));
    const target = join(tmpDirectory(), "t");
    expect(await run({ archive, target, strip: true })).to.deep.include({ complete: true });
    expect(readFileSync(join(target, "etc/x"), "utf8")).to.equal("x");
  });

  it("restores archives of `openclaw backup create`, and says what could not be checked", async () => {
    const root = "2026-11-23-openclaw-backup";
    const file = (name: string, body: string): Buffer => entry(`${root}/${name}`, body);
    const manifest = {
      ...{ schemaVersion: 1, createdAt: "2026-11-23T10:00:00.000Z", archiveRoot: root },
      assets: [{ kind: "state", sourcePath: "/oc", archivePath: `${root}/payload/posix/oc` }],
    };
    const archive = join(tmpDirectory(), "backup.tar");
    writeFileSync(archive, tar(file("payload/posix/oc/a.json", "{}"), file("manifest.json", JSON.stringify(manifest))));
    const target = join(tmpDirectory(), "target");
    const report = await run({ archive, target, strip: true });
    expect(contents(target)).to.deep.equal({ "a.json": "{}" });
    expect(report.unchecked).to.have.lengthOf(2);
    expect(report.nextSteps).to.deep.equal([
      "To activate this state, with what is there now kept aside:",
      "  openclaw gateway stop",
      `  mv -T ${target} /oc`,
      "  openclaw gateway start",
    ]);
  });
});
