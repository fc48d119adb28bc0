import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { HoldstillError, isErrno } from "../../lib/errors.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { loadSqlite } from "../../lib/stage/sqlite.js";
import { holdstill } from "../helpers/fire.js";
import { mounts } from "../helpers/mounts.js";
import { errno, fsWith } from "../helpers/port.js";
import { createFrom } from "../helpers/run.js";
import { tmpDirectory, writeTree } from "../helpers/tree.js";
import { marksOf } from "../helpers/untouched.js";

const MIB = 2 ** 20;

describe("a full disk", function () {
  this.timeout(120_000);
  const mounted = mounts();

  /** Runs `create` as users do; it has to end with 13, and to leave nothing of itself anywhere. */
  async function expectNoSpace(source: string, output: string, ...args: readonly string[]): Promise<void> {
    const before = marksOf(source, { ctime: args.includes("copy") });
    const { code, out } = await holdstill("create", "--source", source, "--output", output, "--json", ...args);
    expect(JSON.parse(out)).to.have.nested.property("error.code", "no-space");
    expect(JSON.parse(out)).to.have.nested.property("error.hint").that.is.not.empty;
    expect(code).to.equal(13);
    expect(marksOf(source, { ctime: args.includes("copy") })).to.deep.equal(before);
    expect(readdirSync(dirname(source)).filter((name) => name.startsWith(".holdstill-stage-"))).to.deep.equal([]);
    expect(readdirSync(output).filter((name) => name !== ".holdstill")).to.deep.equal([]);
    // The record of the run that failed is all there is: no copy of an index, no lock.
    expect(readdirSync(join(output, ".holdstill"))).to.deep.equal(["runs.jsonl"]);
  }

  describe("of the source", () => {
    it("is not filled by copies: they stop where 5 % of it would be left", async function () {
      const place = mounted.make(this, "tmpfs", 64);
      const source = join(place, "state");
      writeTree(source, { "a.bin": randomBytes(12 * MIB), "b.bin": randomBytes(12 * MIB), "c.txt": "small" });
      writeFileSync(join(place, "filler"), Buffer.alloc(15 * MIB));
      // 25 MiB are free, and the copies are 24 MiB: they fit, but not beside the 3.2 MiB that are to stay free.
      expect(free(place)).to.be.within(24.1 * MIB, 27 * MIB);
      await expectNoSpace(source, join(tmpDirectory(), "archives"), "--strategy", "copy");
      rmSync(join(place, "filler"));
      const report = await createFrom(source, { strategy: "copy" });
      expect(report.complete).to.equal(true);
    });

    it("is named, with what to do, where a database fills it that grew since it was looked at", async function () {
      const place = mounted.make(this, "tmpfs", 64);
      const source = join(place, "state");
      mkdirSync(source);
      const sqlite = await loadSqlite();
      const database = new sqlite.DatabaseSync(join(source, "x.db"));
      database.exec(`CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(${20 * MIB}))`);
      database.close();
      let grown = false;
      const space: Filesystem["space"] = (path) => {
        const found = disk.space(path);
        if (!grown) writeFileSync(join(place, "filler"), Buffer.alloc(30 * MIB));
        grown = true;
        return found;
      };
      const failure = await createFrom(source, {}, { fs: fsWith({ space }) }).catch((error: unknown) => error);
      expect(failure).to.include({ code: "no-space", message: "no space is left for the stage" });
      expect(failure).to.have.property("hint").that.is.not.empty;
      expect(failure).to.have.property("path").that.includes(".holdstill-stage-");
    });

    it("has no inode left for another link", async function () {
      const place = mounted.make(this, "tmpfs", 16, "nr_inodes=60");
      const source = join(place, "state");
      writeTree(source, Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`${index}.txt`, `${index}`])));
      await expectNoSpace(source, join(tmpDirectory(), "archives"), "--strategy", "link");
    });

    it("has no block left for the stage or its growing directory", async function () {
      const place = mounted.make(this, "ext4", 16);
      const source = join(place, "state");
      writeTree(source, Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`${index}.txt`, `${index}`])));
      for (const left of [0, 4]) {
        fill(join(place, "filler"), left);
        await expectNoSpace(source, join(tmpDirectory(), "archives"), "--strategy", "link");
        rmSync(join(place, "filler"), { recursive: true });
      }
    });
  });

  describe("of the archive directory", () => {
    let source: string;
    beforeEach(() => {
      source = join(tmpDirectory(), "state");
      writeTree(source, { "a.bin": randomBytes(6 * MIB), "b.bin": randomBytes(6 * MIB), "c.txt": "small" });
    });

    for (const kind of ["tmpfs", "ext4"] as const) {
      it(`runs full while the archive is written: ${kind}`, async function () {
        const place = mounted.make(this, kind, 10);
        const output = join(place, "archives");
        mkdirSync(output);
        await expectNoSpace(source, output, "--strategy", "copy");
        expect(free(place)).to.be.greaterThan(5 * MIB);
      });
    }

    it("runs full only when the archive is synced", async () => {
      let came = false;
      const output = join(tmpDirectory(), "archives");
      const sync = (): Promise<never> => {
        came = true;
        return Promise.reject(errno("ENOSPC"));
      };
      const failure = await createFrom(source, { output }, { fs: fsWith({ sync }) }).catch((error: unknown) => error);
      expect(came).to.equal(true);
      expect(failure).to.be.instanceOf(HoldstillError).with.property("code", "no-space");
      expect(readdirSync(output).filter((name) => name !== ".holdstill")).to.deep.equal([]);
    });
  });
});

function free(place: string): number {
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize;
}

/** Fills a filesystem with files in a directory, and takes away so many of the last, which have a KiB each. */
function fill(directory: string, kibibytes: number): void {
  mkdirSync(directory);
  const files: string[] = [];
  for (const size of [MIB, 64 << 10, 1 << 10]) {
    for (let full = false; !full;) {
      const path = join(directory, String(files.length));
      full = !fits(path, size);
      if (!full) files.push(path);
    }
  }
  for (const path of files.slice(files.length - kibibytes)) rmSync(path);
}

function fits(path: string, size: number): boolean {
  try {
    writeFileSync(path, Buffer.alloc(size, "x"), { flush: true });
    return true;
  } catch (error) {
    if (!isErrno(error, "ENOSPC")) throw error;
    rmSync(path, { force: true });
    return false;
  }
}
