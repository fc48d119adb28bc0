import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Bytes } from "../../lib/bytes.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { loadSqlite } from "../../lib/stage/sqlite.js";
import { errno, fsWith, interrupted } from "../helpers/port.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { age, tmpDirectory, tmpTree, writeTree } from "../helpers/tree.js";
import { compared, comparedLive, foreignArchive } from "./looking.js";

const EXPECTED = [
  ...["metadata .", "changed a.txt", "added b", "added b/c", "grown log.jsonl", "changed l", "metadata m.sh"],
  ...["removed r.txt", "changed s.txt", "changed t"],
];

function before(): string {
  const source = tmpTree({
    ...{ "a.txt": "aa", "log.jsonl": "1\n", "m.sh": "x", "r.txt": "r", "s.txt": "long", t: "file", "same.txt": "same" },
    ...{ "linked.txt": "twice" },
  });
  symlinkSync("a.txt", join(source, "l"));
  linkSync(join(source, "linked.txt"), join(source, "linked2.txt"));
  chmodSync(source, 0o755);
  chmodSync(join(source, "m.sh"), 0o644);
  age(source, 3600);
  return source;
}

function change(source: string): void {
  chmodSync(source, 0o700);
  writeFileSync(join(source, "a.txt"), "aX");
  writeTree(source, { b: { c: "new" } });
  appendFileSync(join(source, "log.jsonl"), "2\n");
  chmodSync(join(source, "m.sh"), 0o755);
  unlinkSync(join(source, "l"));
  symlinkSync("s.txt", join(source, "l"));
  unlinkSync(join(source, "r.txt"));
  writeFileSync(join(source, "s.txt"), "larger than it was");
  rmSync(join(source, "t"));
  mkdirSync(join(source, "t"));
}

const sorted = (lines: readonly string[]): string[] => [...lines].sort();

describe("diff", () => {
  it("tells what was added, removed, changed, has grown or has other metadata, by digest and not by time", async () => {
    const source = before();
    const output = join(tmpDirectory(), "archives");
    const one = await createFrom(source, { output });
    change(source);
    age(source, 60);
    const other = await createFrom(source, { output });
    const { lines, counts, equal, differences } = await compared(one.archive, other.archive);
    expect(sorted(lines)).to.deep.equal(sorted(EXPECTED));
    expect(equal).to.equal(false);
    expect(counts).to.deep.equal({
      ...{ equal: 3, added: 2, removed: 1, changed: 4, grown: 1, metadata: 2, uncompared: 0, unreadable: 0 },
    });
    expect(differences.find(({ path }) => path === "m.sh")).to.have.nested.include({
      "from.mode": 0o644,
      "to.mode": 0o755,
    });
  });

  it("tells in the order of paths, and that two backups of the same are equal", async () => {
    const source = before();
    const output = join(tmpDirectory(), "archives");
    const [one, other] = [await createFrom(source, { output }), await createFrom(source, { output })];
    const { equal, lines, counts } = await compared(one.archive, other.archive);
    expect([equal, lines, counts.equal]).to.deep.equal([true, [], 11]);
  });

  it("takes a hard link for the file that it repeats", async () => {
    const source = before();
    const one = await createFrom(source);
    unlinkSync(join(source, "linked2.txt"));
    writeFileSync(join(source, "linked2.txt"), "twice and more");
    const other = await createFrom(source);
    expect((await compared(one.archive, other.archive)).lines).to.deep.equal(["grown linked2.txt"]);
    expect((await compared(other.archive, one.archive)).lines).to.deep.equal(["changed linked2.txt"]);
  });

  it("says why something is not in the other, and compares several sources by absolute paths", async () => {
    const [one, two] = [tmpTree({ "a.log": "a" }), tmpTree({ b: "b" })];
    const all = await createFrom(one, { sources: [one, two] });
    const less = await createFrom(one, { sources: [one, two], exclude: ["*.log"] });
    const { differences } = await compared(all.archive, less.archive);
    expect(differences).to.have.lengthOf(1);
    expect(differences[0]).to.include({ change: "removed", path: join(one, "a.log"), reason: "excluded by *.log" });
  });

  it("compares archives of OpenClaw too", async () => {
    const { equal, counts } = await compared(foreignArchive(), foreignArchive("other.tar"));
    expect([equal, counts.equal]).to.deep.equal([true, 5]);
  });

  describe("with what is there now", () => {
    it("tells the same differences", async () => {
      const source = before();
      const { archive } = await createFrom(source);
      expect(await comparedLive(archive)).to.include({ equal: true });
      change(source);
      const { lines, equal } = await comparedLive(archive);
      expect(sorted(lines)).to.deep.equal(sorted(EXPECTED));
      expect(equal).to.equal(false);
    });

    it("leaves out what a rule left out, old and new, with all below it", async () => {
      const source = tmpTree({ "a.log": "", cache: { x: "1" }, sub: { ".holdstillignore": "*.tmp\n", "x.tmp": "" } });
      const { archive } = await createFrom(source, { exclude: ["*.log", "cache/"] });
      writeTree(source, { "b.log": "", cache: { y: "2", d: { z: "3" } }, sub: { "y.tmp": "" }, "y.tmp": "" });
      expect((await comparedLive(archive)).lines).to.deep.equal(["added y.tmp"]);
    });

    it("takes what vanishes while it looks for removed", async () => {
      const source = tmpTree({ "a.txt": "a", "b.txt": "b" });
      const { archive } = await createFrom(source);
      const { fs, came } = interrupted(
        "before",
        "openRead",
        (path) => path.endsWith("/b.txt"),
        () => rmSync(join(source, "b.txt")),
      );
      const { lines } = await comparedLive(archive, surroundings({ fs }));
      expect(came()).to.equal(true);
      expect(lines).to.deep.equal(["removed b.txt"]);
    });

    it("names what may not be read, and does not take it for removed", async () => {
      const source = tmpTree({ closed: { "a.txt": "a" }, "b.txt": "b" });
      const { archive } = await createFrom(source);
      const denied = (path: string): void => {
        if (/\/(?:closed|b\.txt)$/.test(path)) throw Object.assign(new Error("EACCES"), { code: "EACCES" });
      };
      const fs = {
        ...disk,
        openRead: (path: Bytes) => {
          denied(path);
          return disk.openRead(path);
        },
        openDirectory: (path: Bytes) => {
          denied(path);
          return disk.openDirectory(path);
        },
      };
      const { lines, equal } = await comparedLive(archive, surroundings({ fs }));
      expect(lines).to.deep.equal(["unreadable b.txt", "unreadable closed/a.txt"]);
      expect(equal).to.equal(false);
    });

    it("names what the disk finds damaged", async () => {
      const source = tmpTree({ "a.txt": "a" });
      const { archive } = await createFrom(source);
      const { ino } = disk.lstat(join(source, "a.txt") as Bytes);
      const readAsync: Filesystem["readAsync"] = (fd, ...rest) =>
        disk.fstat(fd).ino === ino ? Promise.reject(errno("EUCLEAN")) : disk.readAsync(fd, ...rest);
      const fs = fsWith({ readAsync });
      const { lines, equal } = await comparedLive(archive, surroundings({ fs }));
      expect([lines, equal]).to.deep.equal([["unreadable a.txt"], false]);
    });

    it("does not compare the bytes of a database, and does not mind its log", async () => {
      const source = tmpTree({ "a.txt": "a" });
      const { DatabaseSync } = await loadSqlite();
      const database = new DatabaseSync(join(source, "x.sqlite"));
      database.exec("PRAGMA journal_mode=WAL; CREATE TABLE t (n)");
      const { archive } = await createFrom(source);
      database.exec("INSERT INTO t VALUES (1)");
      const { lines, equal } = await comparedLive(archive);
      database.close();
      expect([lines, equal]).to.deep.equal([["uncompared x.sqlite"], true]);
    });

    it("finds everything removed where the source is gone", async () => {
      const source = tmpTree({ "a.txt": "a" });
      const { archive } = await createFrom(source);
      rmSync(source, { recursive: true });
      expect((await comparedLive(archive)).lines).to.deep.equal(["removed .", "removed a.txt"]);
    });
  });
});
