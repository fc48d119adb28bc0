import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, chmodSync, chownSync, linkSync, readdirSync, rmSync, statSync } from "node:fs";
import { truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execPath, getuid } from "node:process";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import type { Event } from "../../lib/report/events.js";
import { fsWith, interrupted, refuse, type Moment } from "../helpers/port.js";
import { createFrom, extracted, indexOf } from "../helpers/run.js";
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

/** What an archive says of each file: its verdict, and its text by letters, as in `3 a, 1 b`. */
function told(report: CreateReport, source: string): Record<string, string> {
  const texts = extracted(report, source);
  const lines = indexOf(report).filter(({ type }) => type === "file");
  return Object.fromEntries(
    lines.map(({ path, capture }) => {
      const text = texts[path as string] ?? "";
      const letters = [...new Set(text)].map((letter) => `${text.split(letter).length - 1} ${letter}`);
      return [path, `${(capture as { verdict: string }).verdict}: ${letters.join(", ")}`];
    }),
  );
}

function afterTheFreeze(act: () => void): { readonly onEvent: (event: Event) => void } {
  return { onEvent: (event) => void (event.type === "phase" && event.phase === "archive" && act()) };
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

describe("archiving a file that is never quiet", () => {
  it("publishes the archive all the same, incomplete, and says which file it is", async () => {
    const source = tmpTree({ restless: "a", still: "b" });
    const { ino } = statSync(join(source, "restless"));
    let round = 0;
    const readAsync: Filesystem["readAsync"] = (fd, ...rest) => {
      if (disk.fstat(fd).ino === ino)
        writeFileSync(join(source, "restless"), "abcdefghijklmnopqrst".charAt(round++ % 20));
      return disk.readAsync(fd, ...rest);
    };
    age(source, AT_REST);
    const rewrite = afterTheFreeze(() => writeFileSync(join(source, "restless"), "z"));
    const report = await createFrom(source, { strategy: "link" }, { fs: fsWith({ readAsync }), ...rewrite });
    expect(report).to.deep.include({ complete: false, unstable: [{ path: "restless", source: 0 }] });
    expect(told(report, source)).to.deep.equal({ restless: "unstable: 1 t", still: "exact: 1 b" });
  });

  /** The letters of a text, once for each run of them. */
  function runsOf(text: string): string[] {
    const runs: string[] = [];
    for (const letter of text) if (letter !== runs.at(-1)) runs.push(letter);
    return runs;
  }

  const LETTERS = "abcdefghijklmnopqrstuvwxyza";
  const WRITER = `
    const { openSync, writeSync } = require("node:fs");
    const fd = openSync(process.argv[1], "r+");
    const chunk = Buffer.alloc(1 << 16);
    for (let version = 0; ; version++) {
      chunk.fill(97 + (version % 26));
      for (let at = 0; at < Number(process.argv[2]); at += chunk.length) writeSync(fd, chunk, 0, chunk.length, at);
      if (version === 1) process.stdout.write("running");
    }`;

  for (const strategy of ["link", "copy"] as const) {
    it(`never takes a mixture for one moment's bytes beside a program that writes without a pause (${strategy})`, async () => {
      const size = 8 << 20;
      const source = tmpTree({ "large.bin": "a".repeat(size) });
      const writer = spawn(execPath, ["-e", WRITER, join(source, "large.bin"), String(size)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = once(writer, "exit");
      try {
        await once(writer.stdout, "data");
        const report = await createFrom(source, { strategy });
        const { "large.bin": text = "" } = extracted(report, source);
        // What the file is at any one moment: the beginning of one version, and the rest of the version before.
        const [newer = "", older = newer, ...others] = runsOf(text);
        const isMoment =
          text.length === size && others.length === 0 && (older === newer || LETTERS.includes(older + newer));
        expect(isMoment || report.verdicts.unstable === 1, "a mixture that is not called unstable").to.equal(true);
        expect(report.complete).to.equal(report.verdicts.unstable === 0);
      } finally {
        writer.kill("SIGKILL");
        await ended;
      }
    });
  }
});

describe("archiving a file that cannot be read any more", () => {
  it("leaves it out, and its other names, and archives the rest", async () => {
    const source = tmpTree({ first: "secret", rest: "b" });
    linkSync(join(source, "first"), join(source, "second"));
    age(source, AT_REST);
    const { ino } = statSync(join(source, "first"));
    let hidden = false;
    const openRead: Filesystem["openRead"] = (path) =>
      hidden && disk.lstat(path).ino === ino ? refuse("EACCES")() : disk.openRead(path);
    const chmod = afterTheFreeze(() => (hidden = true));
    const report = await createFrom(source, { strategy: "link" }, { fs: fsWith({ openRead }), ...chmod });
    expect(report.complete).to.equal(false);
    expect(report.skipped).to.deep.equal([
      { path: "first", source: 0, reason: "unreadable", detail: "EACCES" },
      { path: "second", source: 0, reason: "unreadable", detail: "it could not be read by its other name" },
    ]);
    expect(told(report, source)).to.deep.equal({ rest: "exact: 1 b" });
  });

  const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));
  const nobody = getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

  it("exits 3 where its owner took every right from himself", function () {
    const source = tmpTree({ mine: "secret", rest: "b" });
    chmodSync(join(source, "mine"), 0);
    if (nobody.uid !== undefined) {
      if (spawnSync(execPath, ["--check", MAIN], nobody).status !== 0) this.skip();
      for (const path of ["..", ".", "mine", "rest"]) chownSync(join(source, path), nobody.uid, nobody.gid);
    }
    const output = join(dirname(source), "archives");
    const args = [MAIN, "create", "--source", source, "--output", output, "--strategy", "link", "--json"];
    const { status, stdout } = spawnSync(execPath, args, { ...nobody, env: {}, encoding: "utf8" });
    const report = JSON.parse(stdout) as CreateReport;
    expect({ status, skipped: report.skipped, files: report.counts.files }).to.deep.equal({
      ...{ status: 3, files: 1 },
      skipped: [{ path: "mine", source: 0, reason: "unreadable", detail: "EACCES" }],
    });
    expectNothingLeft(source, output, [report.archive.slice(output.length + 1)]);
  });
});
