import { appendFileSync, closeSync, openSync, readFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { memorySink, readPrefix, readQuietly, readStill, type QuietOptions } from "../../lib/stage/quiet.js";
import { fsWith, interrupted } from "../helpers/port.js";
import { tmpDirectory } from "../helpers/tree.js";
import { beforeEachReading, tornOnce } from "./live-file.js";

/** When the file was modified, on its own clock; what is written during a spec is stamped years later. */
const MODIFIED = 1_700_000_000_000;

const MIB = 1 << 20;

let path: string;
let fd: number;

function fileWith(text: string | Buffer): void {
  path = join(tmpDirectory(), "file");
  writeFileSync(path, text);
  utimesSync(path, MODIFIED / 1000, MODIFIED / 1000);
  fd = openSync(path, "r");
}

/** Reads the file as if it had been modified so many milliseconds ago. */
async function read({ age = 60_000, fs = disk, ...given }: Partial<QuietOptions> & { age?: number; fs?: Filesystem }) {
  const sink = memorySink();
  const options = { appended: false, coarseClock: false, now: () => MODIFIED + age, pause: async () => {}, ...given };
  const reading = await readQuietly(fs, fd, sink, options);
  return { ...reading, text: sink.bytes().subarray(0, reading.size).toString("latin1") };
}

/** A disk on which the file grows after every look at it. */
const growing = fsWith({
  fstat: (file) => {
    const stat = disk.fstat(file);
    appendFileSync(path, "more\n");
    return stat;
  },
});

describe("reading a file until it is quiet", () => {
  afterEach(() => closeSync(fd));

  for (const [coarseClock, age, tries] of [
    [false, 50, 1],
    [false, 49, 2],
    [false, 0, 2],
    [false, -60_000, 2],
    [true, 2_000, 1],
    [true, 1_999, 2],
  ] as const) {
    const clock = coarseClock ? "coarse" : "fine";
    it(`takes ${tries === 1 ? "one reading" : "two equal readings"} of a file modified ${age} ms ago by a ${clock} clock`, async () => {
      fileWith("whole");
      expect(await read({ age, coarseClock })).to.deep.include({ outcome: "quiet", tries, text: "whole", size: 5 });
    });
  }

  it("takes an empty file", async () => {
    fileWith("");
    expect(await read({})).to.deep.include({ outcome: "quiet", tries: 1, text: "" });
  });

  it("never takes a single torn reading, though fstat is equal before and after it", async () => {
    fileWith("newnew");
    const { fs, came } = tornOnce();
    expect(await read({ age: 0, fs })).to.deep.include({ outcome: "quiet", tries: 3, text: "newnew" });
    expect(came()).to.equal(true);
  });

  for (const [name, when, act, text] of [
    ["rewritten after it was read", "after", () => writeFileSync(path, "other"), "other"],
    [
      "rewritten longer before it is read",
      "before",
      () => writeFileSync(path, "longer than it was"),
      "longer than it was",
    ],
    ["rewritten shorter before it is read", "before", () => writeFileSync(path, "less"), "less"],
    ["truncated to nothing before it is read", "before", () => truncateSync(path), ""],
  ] as const) {
    it(`reads again what is ${name}`, async () => {
      fileWith("whole");
      const moment = interrupted(when, "readAsync", () => true, act);
      const reading = await read({ fs: moment.fs });
      expect(moment.came()).to.equal(true);
      expect(reading).to.deep.include({ outcome: "quiet", text });
      expect(reading.stat.size).to.equal(text.length);
      expect(reading.tries).to.be.above(1);
    });
  }

  it("reads again a large file that is rewritten between two chunks", async () => {
    fileWith(Buffer.alloc(3 * MIB, "a"));
    const rewrite = (): void => writeFileSync(path, Buffer.alloc(3 * MIB, "b"));
    const moment = interrupted("after", "readAsync", (...[, , , , position]) => position === MIB, rewrite);
    const { outcome, text } = await read({ fs: moment.fs });
    expect(moment.came()).to.equal(true);
    expect(outcome).to.equal("quiet");
    expect(text === "b".repeat(3 * MIB), "two versions in one reading").to.equal(true);
  });

  it("says when the reading that counts began", async () => {
    fileWith("whole");
    let now = MODIFIED;
    expect(await read({ now: () => (now += 10) })).to.include({ tries: 2, at: MODIFIED + 20 });
  });

  for (const appended of [false, true]) {
    const kind = appended ? "a file that should only grow" : "any file";
    it(`gives up after 20 tries, with the last reading, on ${kind} that is rewritten longer all the time`, async () => {
      const version = (round: number): string => `${round}`.padEnd(100 + round, "x");
      fileWith(version(0));
      const reading = await read({ appended, fs: beforeEachReading((round) => writeFileSync(path, version(round))) });
      expect(reading).to.deep.include({
        outcome: "restless",
        tries: 20,
        text: version(20).slice(0, version(19).length),
      });
    });
  }

  for (const [name, text] of [
    ["some lines", "first\n"],
    ["nothing", ""],
    ["2 MiB", "x".repeat(2 * MIB)],
  ] as const) {
    it(`takes a file of ${name} that should only grow at its first size, while it grows`, async () => {
      fileWith(text);
      const reading = await read({ appended: true, fs: growing });
      expect(reading.text === text, "another text than the first").to.equal(true);
      expect(reading).to.include({ outcome: "grown", size: text.length });
      expect(reading.stat.size).to.equal(text.length);
    });
  }

  it("takes any file at a size that it had, while it only grows", async () => {
    fileWith("first\n");
    const { outcome, text, stat } = await read({ fs: growing });
    expect(outcome).to.equal("grown");
    expect(text).to.equal(readFileSync(path, "latin1").slice(0, stat.size));
  });

  it("does not take a file for growing that grows twice and is then rewritten", async () => {
    fileWith("first\n");
    const fs = beforeEachReading((round) =>
      round % 3 === 0 ? writeFileSync(path, `${round}`) : appendFileSync(path, "more\n"),
    );
    expect(await read({ fs })).to.include({ outcome: "restless", tries: 20 });
  });

  it("rejects when the run is to end while it waits", async () => {
    fileWith("whole");
    const end = new Error("the run is to end");
    const failure: unknown = await read({ age: 0, pause: () => Promise.reject(end) }).catch((error: unknown) => error);
    expect(failure).to.equal(end);
  });
});

describe("reading a small file in one go", () => {
  afterEach(() => closeSync(fd));

  const still = (age: number, coarseClock: boolean, fs = disk): string | undefined =>
    readStill(fs, fd, disk.fstat(fd), MODIFIED + age, coarseClock)?.toString();

  for (const [coarseClock, age, text] of [
    [false, 50, "whole"],
    [false, 49, undefined],
    [true, 2_000, "whole"],
    [true, 1_999, undefined],
  ] as const) {
    const proves = text === undefined ? "proves nothing" : "proves itself";
    it(`${proves} ${age} ms after its last modification by a ${coarseClock ? "coarse" : "fine"} clock`, () => {
      fileWith("whole");
      expect(still(age, coarseClock)).to.equal(text);
    });
  }

  for (const [name, act] of [
    ["rewritten", () => writeFileSync(path, "other")],
    ["appended to", () => appendFileSync(path, "more")],
    ["truncated", () => truncateSync(path)],
  ] as const) {
    for (const when of ["before", "after"] as const) {
      it(`proves nothing where the file is ${name} ${when} it is read`, () => {
        fileWith("whole");
        const moment = interrupted(when, "read", () => true, act);
        expect(still(60_000, false, moment.fs)).to.equal(undefined);
        expect(moment.came()).to.equal(true);
      });
    }
  }
});

describe("reading the beginning of a file", () => {
  afterEach(() => closeSync(fd));

  for (const [size, there] of [
    [0, true],
    [2.5 * MIB, true],
    [3 * MIB, true],
    [3 * MIB + 1, false],
  ] as const) {
    it(`says that there are ${there ? "" : "fewer than "}${size} bytes in 3 MiB`, async () => {
      const bytes = Buffer.alloc(3 * MIB, "0123456789\n");
      fileWith(bytes);
      const sink = memorySink();
      expect(await readPrefix(disk, fd, sink, size)).to.equal(there);
      expect(sink.bytes().equals(bytes.subarray(0, size))).to.equal(true);
    });
  }
});
