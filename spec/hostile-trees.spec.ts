import { execFileSync, spawnSync } from "node:child_process";
import { realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { bytesOf, type Bytes } from "../lib/bytes.js";
import { isErrno } from "../lib/errors.js";
import { disk, type Filesystem } from "../lib/filesystem.js";
import type { CreateReport } from "../lib/report/create-report.js";
import { pathOfDescriptor } from "../lib/stage/descent.js";
import { holdstill, world } from "./cli/holdstill.js";
import { errno, fsWith, interrupted } from "./helpers/port.js";
import { createFrom, extracted } from "./helpers/run.js";
import { openElsewhere } from "./helpers/sql-process.js";
import { age, contents, tmpTree } from "./helpers/tree.js";
import { at, METHODS, walking } from "./stage/frozen.js";

const MAIN = fileURLToPath(new URL("../lib/cli/main.js", import.meta.url));

describe("a hostile tree", function () {
  this.timeout(60_000);

  it("has names that are escape sequences: no command prints them as they are", () => {
    const EVIL = "\x1b]0;owned\x07\x1b[2J\r\n\x9b31m";
    const { home } = world({});
    const source = join(home, EVIL);
    execFileSync("mkdir", [source]);
    for (const name of ["kept", "changed", "removed"]) writeFileSync(join(source, `${name}${EVIL}`), name);
    execFileSync("mkfifo", [join(source, `pipe${EVIL}`)]);
    const output = join(home, "archives");
    const ran = (expected: number, ...args: string[]): string => {
      const { status, stdout, stderr } = holdstill({ home }, args);
      expect({ args, status, stderr: status === expected ? "" : stderr + stdout }).to.include({
        status: expected,
        stderr: "",
      });
      expect(stdout + stderr, args[0] ?? "").to.not.match(/[^\n\x20-\x7e]/);
      return stdout;
    };
    const create = ran(0, "create", "--source", source, "--output", output, "--json");
    const { archive } = JSON.parse(create) as CreateReport;
    ran(0, "create", "--source", source, "--output", output, "--dry-run");
    ran(0, "create", "--source", source, "--output", join(home, "others"));
    rmSync(join(source, `removed${EVIL}`));
    writeFileSync(join(source, `changed${EVIL}`), "changed again");
    writeFileSync(join(source, `added${EVIL}`), "added");
    expect(ran(0, "diff", archive, "--live")).to.include("added\\u001b]0;owned\\u0007");
    expect(ran(0, "show", archive)).to.include("kept\\u001b]0;owned\\u0007");
    ran(0, "list", "--output", output);
    ran(0, "verify", archive);
    ran(0, "restore", archive, "--target", join(home, `restored${EVIL}`));
  });

  for (const strategy of METHODS) {
    it(`has a directory that grows deeper wherever it is looked at: the rest is archived, and it is said (${strategy})`, async () => {
      const root = tmpTree({ "a.txt": "a", down: {} });
      const growing = join(root, "down");
      let deeper = 0;
      const fs = fsWith({
        list(path) {
          const names = disk.list(path);
          if (names.length > 0 || deeper === 400 || !isBelow(growing, path)) return names;
          disk.mkdir(`${path}/${String(deeper++).padStart(200, "d")}` as Bytes, 0o700);
          return disk.list(path);
        },
      });
      try {
        const report = await createFrom(root, { strategy }, { fs });
        expect(deeper).to.be.within(150, 180);
        expect(report).to.include({ outcome: "published", verified: true, complete: false, settled: true });
        expect(report.settlePasses).to.be.at.most(3);
        expect(report.skipped.map(({ reason, detail }) => `${reason} ${detail}`)).to.include("unreadable ENAMETOOLONG");
        expect(report.counts.files).to.equal(1);
      } finally {
        // Its paths are longer than what Node can remove.
        execFileSync("rm", ["-rf", growing]);
      }
    });

    it(`has a directory that is moved deeper than any path reaches while it is walked: it is found there (${strategy})`, async () => {
      const root = tmpTree({ "a.txt": "a", deep: {}, moved: { "m.txt": "m" } });
      const deepest = deepBelow(join(root, "deep"));
      const moved = join(root, "moved");
      const { fs, came } = interrupted("after", "list", walking(at(moved)), () => {
        disk.rename(bytesOf(moved), `${pathOfDescriptor(deepest)}/moved` as Bytes);
      });
      try {
        const report = await createFrom(root, { strategy }, { fs });
        expect(came()).to.equal(true);
        expect(report).to.include({ outcome: "published", verified: true, complete: true });
        expect(report.counts.files).to.equal(2);
      } finally {
        disk.close(deepest);
        execFileSync("rm", ["-rf", join(root, "deep")]);
      }
    });

    it(`has a directory with another file at each look: what was there is archived, in few passes (${strategy})`, async () => {
      const root = tmpTree({ "a.txt": "a", wide: { "w.txt": "w" } });
      const growing = join(root, "wide");
      let more = 0;
      const fs = fsWith({
        list(path) {
          if (isBelow(growing, path)) writeFileSync(join(growing, `${more++}.txt`), "more");
          return disk.list(path);
        },
      });
      const report = await createFrom(root, { strategy }, { fs });
      expect(more).to.be.greaterThan(3);
      expect(report).to.include({ outcome: "published", verified: true, complete: true, settled: true });
      expect(report.settlePasses).to.be.at.most(3);
      expect(extracted(report, root)).to.include({ "a.txt": "a", "wide/w.txt": "w" });
    });

    it(`has files that can be opened and not read: they are named, and the rest is whole (${strategy})`, async () => {
      const root = tmpTree({
        "a.txt": "a",
        "bad.txt": "bad",
        "bad.bin": new Uint8Array(3 << 20),
        sub: { "s.txt": "s" },
      });
      age(root, 3600);
      const bad = new Set(["bad.txt", "bad.bin"].map((name) => disk.lstat(bytesOf(join(root, name))).ino));
      const isBad = (fd: number): boolean => bad.has(disk.fstat(fd).ino);
      const fs = fsWith({
        read(fd, ...rest) {
          if (isBad(fd)) throw errno("EIO");
          return disk.read(fd, ...rest);
        },
        readAsync: (fd, ...rest) => (isBad(fd) ? Promise.reject(errno("EIO")) : disk.readAsync(fd, ...rest)),
      });
      const report = await createFrom(root, { strategy }, { fs });
      expect(report).to.include({ outcome: "published", verified: true, complete: false });
      expect(report.skipped).to.have.deep.members(
        ["bad.bin", "bad.txt"].map((path) => ({ path, source: 0, reason: "unreadable", detail: "EIO" })),
      );
      expect(extracted(report, root)).to.deep.equal({ "a.txt": "a", "sub/": "/", "sub/s.txt": "s" });
    });

    it(`may have its quota used up: that is said as of a full disk, and nothing is left (${strategy})`, async () => {
      const root = tmpTree({ "a.txt": "a" });
      let came = false;
      const used = (): never => {
        came = true;
        throw errno("EDQUOT");
      };
      const fs = fsWith(strategy === "link" ? { link: used } : { write: used });
      const failure = await createFrom(root, { strategy }, { fs }).catch((error: unknown) => error);
      expect(came).to.equal(true);
      expect(failure).to.include({ code: "no-space" }).and.to.have.property("hint").that.is.not.empty;
      expect(contents(dirname(root))).to.deep.equal({ "source/": "/", "source/a.txt": "a" });
    });
  }
});

describe("hostile surroundings", function () {
  this.timeout(120_000);
  const TREE = { "a.jsonl": "1\n", sub: { "b.json": "{}\n" }, "large.bin": new Uint8Array((1 << 20) + 1) };

  for (const strategy of METHODS) {
    it(`may have a clock that is set back at any moment of a run: no time is below zero, and all is archived (${strategy})`, async () => {
      const root = tmpTree(TREE);
      for (let nth = 1, readings = Infinity; nth <= readings; nth++) {
        readings = 0;
        const now = (): number => Date.now() - (++readings > nth ? 3_600_000 : 0);
        const report = await createFrom(root, { strategy }, { now });
        expect(report, `reading ${nth}`).to.include({ verified: true, complete: true, settled: true });
        expect(Math.min(report.frozen.ms, ...Object.values(report.timings)), `reading ${nth}`).to.be.at.least(0);
        expect(report.frozen.from <= report.frozen.to).to.equal(true);
      }
    });

    it(`may allow 64 open files (${strategy})`, () => {
      const place = world(Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`${index}.txt`, `${index}`])));
      const { home, source, output } = place;
      const limited = (...args: string[]): string => {
        const { status, stdout, stderr } = spawnSync(
          "sh",
          ["-c", 'ulimit -n 64; exec "$@"', "sh", process.execPath, MAIN, ...args],
          {
            ...{ cwd: home, encoding: "utf8", env: { PATH: process.env["PATH"], HOME: home } },
          },
        );
        expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
        return stdout;
      };
      const created = limited("create", "--source", source, "--output", output, "--strategy", strategy, "--json");
      const { archive, counts } = JSON.parse(created) as CreateReport;
      expect(counts.files).to.equal(300);
      limited("verify", archive, "--json");
      const target = join(home, "restored");
      limited("restore", archive, "--target", target, "--strip", "--json");
      expect(contents(target)).to.deep.equal(contents(source));
    });
  }

  for (const TMPDIR of [undefined, "/dev/null/nowhere"]) {
    it(`may have no directory for temporary files: create needs none, databases or not (TMPDIR ${TMPDIR ?? "unset"})`, async () => {
      const place = world();
      const program = await openElsewhere(bytesOf(join(place.source, "main.sqlite")));
      try {
        await program.run("PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES (1); SELECT 1");
        const args = ["create", "--source", place.source, "--output", place.output, "--json"];
        const { status, stdout } = holdstill(place, args, { env: { ...(TMPDIR && { TMPDIR }) } });
        expect(JSON.parse(stdout)).to.include({ outcome: "published", verified: true, complete: true });
        expect(status).to.equal(0);
      } finally {
        await program.end();
      }
    });
  }
});

/** Makes directories in one another, the last so deep that it has no path; returns a descriptor of it. */
function deepBelow(directory: string): number {
  let fd = disk.openDirectory(bytesOf(directory));
  for (let depth = 0; depth < 25; depth++) {
    const next = `${pathOfDescriptor(fd)}/${"d".repeat(200)}` as Bytes;
    disk.mkdir(next, 0o700);
    const below = disk.openDirectory(next);
    disk.close(fd);
    fd = below;
  }
  return fd;
}

/** Whether what the port asks for is a directory or below it, however it is addressed. */
function isBelow(directory: string, path: Parameters<Filesystem["list"]>[0]): boolean {
  try {
    const real = realpathSync(path.startsWith("/proc/") ? disk.readlink(path) : path);
    return real === directory || real.startsWith(`${directory}/`);
  } catch (error) {
    if (isErrno(error, "ENAMETOOLONG")) return true;
    throw error;
  }
}
