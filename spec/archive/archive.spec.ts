import { appendFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { afterTheFreeze, told } from "../helpers/freeze.js";
import { fsWith, interrupted, type Moment } from "../helpers/port.js";
import { createFrom } from "../helpers/run.js";
import { age, contents, tmpDirectory, tmpTree } from "../helpers/tree.js";

const LARGE = 3 << 20;
const AT_REST = 3_600;
const HOT = 5;

const OLD = "a".repeat(LARGE);
const NEW = "b".repeat(LARGE);

/** A moment in the middle of reading that file, through whatever name. */
function whileRead(path: string, act: () => void, base: Filesystem = disk): Moment & { readonly fs: Filesystem } {
  const { ino } = statSync(path);
  return interrupted("after", "readAsync", (fd, ...[, , , at]) => at > 0 && disk.fstat(fd).ino === ino, act, base);
}

/** The same disk, noting at each beginning of an archive what was there of an earlier one. */
function noting(base: Filesystem, beginnings: string[][]): Filesystem {
  const isPartial = (name: string): boolean => name.endsWith(".partial");
  return {
    ...base,
    create: (path, mode) => {
      if (/\.tar\.partial$/.test(path)) beginnings.push(readdirSync(dirname(path)).filter(isPartial));
      return base.create(path, mode);
    },
  };
}

/** Neither a stage, nor a partial archive, nor anything else that has no place there. */
function expectNothingLeft(source: string, archives: string, published: readonly string[]): void {
  expect(readdirSync(dirname(source)).filter((name) => name.startsWith(".holdstill"))).to.be.empty;
  expect(readdirSync(archives).filter((name) => name !== ".holdstill")).to.deep.equal(published);
}

describe("archiving a large file that was linked", () => {
  let source: string;
  let live: string;
  let output: string;

  function sourceWith(name: string, seconds: number): void {
    source = tmpTree({ [name]: OLD, small: "small" });
    live = join(source, name);
    output = tmpDirectory();
    age(source, seconds);
  }

  for (const [name, seconds, act, starts, expected] of [
    ["is rewritten while it streams", AT_REST, () => writeFileSync(live, NEW), 2, `recaptured: ${LARGE} b`],
    ["grows while it streams", AT_REST, () => appendFileSync(live, "b"), 2, `recaptured: ${LARGE} a, 1 b`],
    ["is truncated while it streams", AT_REST, () => truncateSync(live, 5), 2, "recaptured: 5 a"],
    ["is emptied while it streams", AT_REST, () => truncateSync(live), 2, "recaptured: "],
    ["is deleted while it streams", AT_REST, () => rmSync(live), 1, `exact: ${LARGE} a`],
    ["was hot and is rewritten while it is copied", HOT, () => writeFileSync(live, NEW), 1, `recaptured: ${LARGE} b`],
    ["was hot and is deleted while it is copied", HOT, () => rmSync(live), 1, `exact: ${LARGE} a`],
  ] as const) {
    it(`takes ${starts === 1 ? "one start" : "two starts"} where it ${name}`, async () => {
      sourceWith("large.bin", seconds);
      const beginnings: string[][] = [];
      const { fs, came } = whileRead(live, act);
      const report = await createFrom(source, { output, strategy: "link" }, { fs: noting(fs, beginnings) });
      expect(came()).to.equal(true);
      expect(beginnings).to.deep.equal(Array.from({ length: starts }, () => []));
      expect(told(report, source)).to.include({ "large.bin": expected });
      expect(report.complete).to.equal(true);
      expectNothingLeft(source, output, [report.archive.slice(output.length + 1)]);
    });
  }

  it("starts again where the file is emptied before its last line is looked for", async () => {
    sourceWith("large.jsonl", 300);
    const { ino } = statSync(live);
    let frozen = false;
    const isLooking = (fd: number): boolean => frozen && disk.fstat(fd).ino === ino;
    const { fs, came } = interrupted("before", "read", isLooking, () => truncateSync(live));
    const report = await createFrom(source, { strategy: "link" }, { fs, ...afterTheFreeze(() => (frozen = true)) });
    expect(came()).to.equal(true);
    expect(told(report, source)).to.include({ "large.jsonl": "recaptured: " });
  });

  it("closes no partial archive while bytes are still on their way into it", async () => {
    sourceWith("large.bin", AT_REST);
    const { ino } = statSync(live);
    const { fs, came } = whileRead(live, () => writeFileSync(live, NEW));
    let givenUp = (): void => {};
    const slow = new Promise<void>((resolve) => (givenUp = resolve)).then(() => setImmediate());
    const writing = new Set<number>();
    const closed: number[] = [];
    const watched: Filesystem = {
      ...fs,
      close: (fd) => {
        if (writing.has(fd)) closed.push(fd);
        if (disk.fstat(fd).ino === ino && came()) givenUp();
        disk.close(fd);
      },
      writeAsync: async (fd, data) => {
        writing.add(fd);
        await slow;
        writing.delete(fd);
        return disk.writeAsync(fd, data);
      },
    };
    const report = await createFrom(source, { strategy: "link" }, { fs: watched });
    expect(came()).to.equal(true);
    expect(closed).to.be.empty;
    expect(report.complete).to.equal(true);
  });

  it("starts again three times at most: then all files are copied first", async () => {
    const names = ["a", "b", "c", "d", "e"];
    source = tmpTree(Object.fromEntries(names.map((name) => [name, OLD])));
    output = tmpDirectory();
    age(source, AT_REST);
    const moments: Moment[] = [];
    let fs = disk;
    for (const name of names.slice(0, 4)) {
      const path = join(source, name);
      const moment = whileRead(path, () => writeFileSync(path, NEW), fs);
      moments.push(moment);
      ({ fs } = moment);
    }
    const beginnings: string[][] = [];
    const report = await createFrom(source, { output, strategy: "link" }, { fs: noting(fs, beginnings) });
    expect(moments.map(({ came }) => came())).to.deep.equal([true, true, true, true]);
    expect(beginnings).to.deep.equal([[], [], [], []]);
    const recaptured = `recaptured: ${LARGE} b`;
    expect(told(report, source)).to.deep.equal({
      ...{ a: recaptured, b: recaptured, c: recaptured, d: recaptured },
      e: `exact: ${LARGE} a`,
    });
    expectNothingLeft(source, output, [report.archive.slice(output.length + 1)]);
  });

  const full = fsWith({ space: () => ({ total: 100e9, available: 1e9 }) });

  it("needs no space for the stage where the file is at rest", async () => {
    sourceWith("large.bin", AT_REST);
    const report = await createFrom(source, { strategy: "link" }, { fs: full });
    expect(told(report, source)).to.include({ "large.bin": `exact: ${LARGE} a` });
  });

  for (const [name, seconds, strategy] of [
    ["a hot file would fill the disk", HOT, "link"],
    ["a copy would fill the disk", AT_REST, "copy"],
  ] as const) {
    it(`fails for lack of space where ${name}, and leaves nothing behind`, async () => {
      sourceWith("large.bin", seconds);
      const before = contents(source);
      const failure: unknown = await createFrom(source, { output, strategy }, { fs: full }).catch(
        (error: unknown) => error,
      );
      expect(failure).to.include({ code: "no-space" });
      expectNothingLeft(source, output, []);
      expect(contents(source)).to.deep.equal(before);
    });
  }
});
