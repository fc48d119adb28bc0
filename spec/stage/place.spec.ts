import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { bytesOf, parentOf, type Bytes } from "../../lib/bytes.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { STAGE_PREFIX } from "../../lib/stage/leftovers.js";
import { placeStage, type Stage } from "../../lib/stage/place.js";
import { alone, surrounded } from "../../lib/stage/stage-parents.js";
import { thisProcess } from "../../lib/vault/owner.js";
import { errno, fsWith, interrupted, refuse } from "../helpers/port.js";
import { createFrom, extracted, indexOf } from "../helpers/run.js";
import { contents, tmpDirectory, tmpTree } from "../helpers/tree.js";

const TREE = { "a.jsonl": "a\n", sub: { "b.jsonl": "b\n" } };

/** A disk on which no stage can be made in these directories. */
function closed(code: string, ...directories: string[]): Filesystem {
  const parents = directories.map(bytesOf);
  return fsWith({
    mkdir: (path, mode) => {
      if (path.includes(STAGE_PREFIX) && parents.includes(parentOf(path))) throw errno(code);
      disk.mkdir(path, mode);
    },
  });
}

/** Another filesystem below a directory, as far as device numbers tell. */
function mountedAt(directory: string, base: Filesystem): Filesystem {
  const descriptors = new Map<number, string>();
  return {
    ...base,
    openRead: (path) => (path.startsWith("/proc/self/fdinfo/") ? refuse("ENOENT")() : base.openRead(path)),
    openDirectory: (path) => {
      const fd = base.openDirectory(path);
      descriptors.set(fd, path);
      return fd;
    },
    fstat: (fd) => {
      const stat = base.fstat(fd);
      return descriptors.get(fd)?.startsWith(directory) ? { ...stat, dev: stat.dev + 1 } : stat;
    },
    lstat: (path) => {
      const stat = base.lstat(path);
      return path.startsWith(directory) ? { ...stat, dev: stat.dev + 1 } : stat;
    },
  };
}

/** The time at which a directory was modified, to the nanosecond. */
function mtimeOf(path: string): bigint {
  return lstatSync(path, { bigint: true }).mtimeNs;
}

function stagesIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith(STAGE_PREFIX));
}

function place(fs: Filesystem, root: string, cache = tmpDirectory()): Stage {
  return placeStage(fs, alone(bytesOf(root), bytesOf(cache)), thisProcess());
}

/** A directory that was modified at a time which only nanoseconds can tell. */
function rootOf(tree: Parameters<typeof tmpTree>[0] = TREE): string {
  const root = tmpTree(tree);
  execFileSync("touch", ["-d", "2026-01-02T03:04:05.123456789Z", root]);
  return root;
}

describe("the place of a stage", () => {
  it("is beside the root, closed to others, and leaves nothing there", () => {
    const root = rootOf();
    const stage = place(disk, root);
    const [name = ""] = stagesIn(dirname(root));
    expect(stage).to.include({ placement: "beside", path: join(dirname(root), name), links: true });
    expect(lstatSync(stage.path).mode & 0o7777).to.equal(0o700);
    expect(JSON.parse(execFileSync("cat", [join(stage.path, "owner.json")], { encoding: "utf8" }))).to.include({
      pid: process.pid,
    });
    stage.remove();
    expect(readdirSync(dirname(root))).to.deep.equal(["source"]);
    stage.remove();
  });

  for (const code of ["EACCES", "EPERM", "EROFS"]) {
    it(`is inside the root where its parent refuses with ${code}; the root looks as before`, async () => {
      const root = rootOf();
      const before = mtimeOf(root);
      const report = await createFrom(root, { strategy: "link" }, { fs: closed(code, dirname(root)) });
      expect(report.sources[0]?.stage).to.equal("inside");
      expect(report.counts).to.include({ files: 2, directories: 2 });
      expect(report.excluded.count).to.equal(0);
      expect(extracted(report, root)).to.deep.equal(contents(root));
      expect(readdirSync(root).sort()).to.deep.equal(["a.jsonl", "sub"]);
      expect(mtimeOf(root)).to.equal(before);
    });
  }

  it("is inside the root where its parent is on another mount", () => {
    const root = rootOf();
    const fs = mountedAt(join(dirname(root), STAGE_PREFIX), disk);
    const stage = place(fs, root);
    try {
      expect(stage).to.include({ placement: "inside", links: true });
      expect(readdirSync(dirname(root))).to.deep.equal(["source"]);
    } finally {
      stage.remove();
    }
  });

  it("is in the cache directory where neither can be written; then files are copied", async () => {
    const root = rootOf();
    const before = mtimeOf(root);
    const cache = join(tmpDirectory(), "deep/cache");
    const fs = mountedAt(cache, closed("EACCES", dirname(root), root));
    const report = await createFrom(root, {}, { fs, env: { PATH: process.env["PATH"], XDG_CACHE_HOME: cache } });
    expect(report.sources[0]).to.include({ stage: "cache", method: "copy" });
    expect(report.capture).to.include({ clone: 0, link: 0, copy: 2 });
    expect(extracted(report, root)).to.deep.equal(contents(root));
    expect(stagesIn(join(cache, "holdstill"))).to.deep.equal([]);
    expect(mtimeOf(root)).to.equal(before);
  });

  it("is nowhere where nothing can be written, which names every place", () => {
    const root = rootOf();
    const cache = tmpDirectory();
    const attempt = () => place(closed("EACCES", dirname(root), root, cache), root, cache);
    expect(attempt)
      .to.throw(`${dirname(root)} (EACCES); ${root} (EACCES); ${cache} (EACCES)`)
      .that.includes({ code: "output-unusable", path: root });
  });

  it("is not looked for any further where the disk is full", () => {
    const root = rootOf();
    expect(() => place(closed("ENOSPC", dirname(root)), root))
      .to.throw()
      .that.includes({ code: "no-space" });
    expect(readdirSync(dirname(root))).to.deep.equal(["source"]);
  });

  it("leaves the root the time that the live program gave it meanwhile", async () => {
    const root = rootOf();
    const before = mtimeOf(root);
    const base = closed("EACCES", dirname(root));
    let young = 0n;
    const change = (): void => {
      writeFileSync(join(root, "new.jsonl"), "new\n");
      execFileSync("touch", ["-d", "2026-02-03T04:05:06.987654321Z", root]);
      young = mtimeOf(root);
    };
    const { fs, came } = interrupted("after", "link", (from) => from.endsWith("/a.jsonl"), change, base);
    await createFrom(root, { strategy: "link" }, { fs });
    expect(came()).to.equal(true);
    expect(young).to.not.equal(before);
    expect(mtimeOf(root)).to.equal(young);
  });

  it("leaves the root the time that the live program gave it while the stage was removed", async () => {
    const root = rootOf();
    let young = 0n;
    const change = (): void => {
      writeFileSync(join(root, "new.jsonl"), "new\n");
      execFileSync("touch", ["-d", "2026-02-03T04:05:06.987654321Z", root]);
      young = mtimeOf(root);
    };
    const isMarker = (path: string): boolean => path.endsWith("/owner.json");
    const { fs, came } = interrupted("before", "unlink", isMarker, change, closed("EACCES", dirname(root)));
    const report = await createFrom(root, {}, { fs });
    expect(came()).to.equal(true);
    expect(report.sources[0]?.stage).to.equal("inside");
    expect(readdirSync(root).sort()).to.deep.equal(["a.jsonl", "new.jsonl", "sub"]);
    expect(mtimeOf(root)).to.equal(young);
  });

  it("does not show in the archive by the root's time", async () => {
    const root = rootOf();
    const before = mtimeOf(root);
    const report = await createFrom(root, {}, { fs: closed("EACCES", dirname(root)) });
    expect(report.sources[0]?.stage).to.equal("inside");
    expect(indexOf(report).find(({ path }) => path === ".")).to.include({ mtimeNs: String(before) });
  });

  it("is beside the outermost of the roots that a root lies in", async () => {
    const root = rootOf({ ...TREE, tmp: { workspace: { "w.txt": "w" } } });
    const inner = join(root, "tmp/workspace");
    const fs = fsWith({});
    const stages = surrounded([root, inner].map(bytesOf), bytesOf(tmpDirectory())).map((where) =>
      placeStage(fs, where, thisProcess()),
    );
    expect(stages.map(({ placement }) => placement)).to.deep.equal(["beside", "beside"]);
    expect(stages.map(({ path }) => dirname(path))).to.deep.equal([dirname(root), dirname(root)]);
    for (const stage of stages) stage.remove();
  });

  it("is not inside a root of another user, whose time could not be put back", () => {
    const root = rootOf();
    const before = mtimeOf(root);
    const cache = tmpDirectory();
    const base = closed("EACCES", dirname(root));
    const fs: Filesystem = {
      ...base,
      lstat: (path) => (path === "/proc/self/." ? { ...base.lstat(path), uid: 4242 } : base.lstat(path)),
    };
    const stage = place(fs, root, cache);
    expect(stage).to.include({ placement: "cache" });
    stage.remove();
    expect(mtimeOf(root)).to.equal(before);
  });

  it("that a cleaner has emptied fails the run, and names the stage", async () => {
    const root = rootOf();
    const name = (): string => join(dirname(root), stagesIn(dirname(root))[0] ?? "");
    let stage = "";
    const onEvent = (event: { readonly type: string; readonly phase?: string }): void => {
      if (event.phase !== "archive") return;
      stage = name();
      for (const entry of readdirSync(stage))
        if (entry !== "owner.json") rmSync(join(stage, entry), { recursive: true });
    };
    const error = await createFrom(root, {}, { onEvent }).catch((failure: unknown) => failure);
    expect(error).to.include({ code: "io", path: stage, message: "the stage was removed while it was in use" });
  });

  it("is not walked when it lies in a root, nor is another run's", async () => {
    const root = rootOf({ ...TREE, [`${STAGE_PREFIX}0123456789abcdef-1-1`]: { "foreign.jsonl": "staged\n" } });
    const report = await createFrom(root, {}, { fs: closed("EACCES", dirname(root)) });
    expect(Object.keys(extracted(report, root))).to.deep.equal(["a.jsonl", "sub/", "sub/b.jsonl"]);
    expect(report.excluded).to.deep.equal({ count: 1, rules: [{ rule: "holdstill:stage", count: 1 }] });
  });

  it("is that of each of several sources", async () => {
    const [open, shut] = [rootOf(), rootOf()];
    const fs = closed("EACCES", dirname(shut));
    const report = await createFrom(open, { sources: [open, shut] }, { fs });
    expect(report.sources.map(({ path, stage }) => [path, stage])).to.have.deep.members([
      [open, "beside"],
      [shut, "inside"],
    ]);
    for (const root of [open, shut]) expect(extracted(report, root)).to.deep.equal(contents(root));
  });

  it("tells a stage that is gone from a file that is", () => {
    const root = rootOf();
    const stage = place(disk, root);
    stage.assertPresent();
    execFileSync("rm", ["-r", stage.path]);
    expect(() => stage.assertPresent())
      .to.throw("the stage was removed")
      .that.includes({ code: "io", path: stage.path });
    stage.remove();
  });

  it("goes with all that was put into it", () => {
    const root = rootOf();
    const stage = place(disk, root);
    const name = stage.next();
    disk.close(disk.create(name, 0o600));
    mkdirSync(join(stage.path, "directory"));
    stage.remove();
    expect(existsSync(stage.path)).to.equal(false);
    expect(contents(root)).to.deep.equal({ "a.jsonl": "a\n", "sub/": "/", "sub/b.jsonl": "b\n" });
  });

  it("works without descriptor paths", async () => {
    const root = rootOf();
    const hidden = "/proc/self/fd" as Bytes;
    const fs = fsWith({ lstat: (path) => (path === hidden ? refuse("ENOENT")() : disk.lstat(path)) });
    const report = await createFrom(root, {}, { fs });
    expect(report.skipped).to.deep.equal([]);
    expect(extracted(report, root)).to.deep.equal(contents(root));
    expect(readdirSync(dirname(root))).to.deep.equal(["source"]);
  });
});
