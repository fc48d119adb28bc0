import { appendFileSync, chmodSync, closeSync, openSync, renameSync, rmSync } from "node:fs";
import { truncateSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { fsWith, interrupted, refuse, type Moment } from "../helpers/port.js";
import { FROZEN, LATER, beforeEachReading, expectText, freezeFile, tornOnce } from "./live-file.js";

const HOT = 5_000;
const COLD = 60_001;

/** A small file is still long enough for a fingerprint to have a middle. */
const SMALL = 20_000;
const LARGE = 3 << 20;

function linesOf(word: string, length: number): string {
  return `{"word":"${word}"}\n`.repeat(Math.ceil(length / 15));
}

const MORE = linesOf("more", 100);

function append(path: string): void {
  appendFileSync(path, MORE);
}

function writeOver(path: string, start: string): void {
  const fd = openSync(path, "r+");
  writeSync(fd, start, 0);
  closeSync(fd);
}

type Interrupted = Moment & { readonly fs: Filesystem };

function duringSecondFingerprint(act: () => void): Interrupted {
  let compared = false;
  const base = fsWith({ readAsync: (...args) => ((compared = true), disk.readAsync(...args)) });
  return interrupted("after", "read", () => compared, act, base);
}

const always = (): boolean => true;

for (const [title, length] of [
  ["a small file", SMALL],
  ["a file of 3 MiB", LARGE],
] as const) {
  const text = linesOf("old", length);
  const rewritten = linesOf("new", length);
  const longer = linesOf("longer", length);
  const rewrite = (path: string): void => writeFileSync(path, rewritten);

  describe(`guarding ${title} that was linked`, () => {
    for (const [name, given, act, verdict, expected] of [
      ["is left alone", {}, () => {}, "exact", text],
      ["is deleted", {}, (path) => rmSync(path), "exact", text],
      ["is replaced", {}, (path) => (renameSync(path, `${path}.1`), rewrite(path)), "exact", text],
      ["is chmod-ed", {}, (path) => chmodSync(path, 0o400), "exact", text],
      ["grows", {}, append, "prefix", text],
      ["is empty and grows", { text: "" }, append, "prefix", ""],
      ["is a log and grows", { name: "x.log" }, append, "prefix", text],
      ["is of another kind and grows", { name: "x.json" }, append, "recaptured", text + MORE],
      ["is cold and grows", { ageMs: COLD }, append, "recaptured", text + MORE],
      ["is cold and rewritten longer", { ageMs: COLD }, (path) => writeFileSync(path, longer), "recaptured", longer],
      ["is rewritten at its size", {}, rewrite, "recaptured", rewritten],
      ["is rewritten longer", {}, (path) => writeFileSync(path, longer), "recaptured", longer],
      ["is rewritten shorter", {}, (path) => writeFileSync(path, MORE), "recaptured", MORE],
      ["is truncated", {}, (path) => truncateSync(path, 60), "recaptured", text.slice(0, 60)],
      ["is emptied", {}, (path) => truncateSync(path), "recaptured", ""],
      [
        "is emptied and grows beyond its size",
        {},
        (path) => (truncateSync(path), appendFileSync(path, longer)),
        "recaptured",
        longer,
      ],
      [
        "gets another header and grows",
        {},
        (path) => (writeOver(path, '{"WORD"'), append(path)),
        "recaptured",
        `{"WORD"${text.slice(7)}${MORE}`,
      ],
      ["is only touched", {}, (path) => utimesSync(path, 1, 1), "recaptured", text],
    ] as const satisfies [string, object, (path: string) => void, string, string][]) {
      it(`is ${verdict} where it ${name} after the freeze`, async () => {
        const { path, frozen, archived } = await freezeFile({ text, ...given });
        act(path);
        const proof = await archived();
        expectText(proof, expected);
        expect(proof).to.deep.include({ verdict, cut: 0, held: true, at: verdict === "recaptured" ? LATER : FROZEN });
        const { mtimeNs } = verdict === "recaptured" ? disk.lstat(bytesOf(path)) : frozen;
        expect(proof.mtimeNs).to.equal(mtimeNs);
      });
    }

    describe("and modified within the same tick of the clock as it was linked in", () => {
      const unseen = (act: (path: string) => void) => (path: string) => {
        const { mtimeNs } = disk.lstat(bytesOf(path));
        act(path);
        utimesSync(path, Number(mtimeNs) / 1e9, Number(mtimeNs) / 1e9);
        expect(disk.lstat(bytesOf(path)).mtimeNs).to.equal(mtimeNs);
      };
      for (const name of ["x.jsonl", "x.bin"]) {
        for (const [did, act, verdict, at] of [
          ["left alone", () => {}, "exact", FROZEN],
          ["rewritten at its size", unseen(rewrite), "recaptured", LATER],
        ] as const) {
          it(`is ${verdict} where ${name} is ${did} after the freeze`, async () => {
            const { path, archived } = await freezeFile({ text, name, ageMs: 1 });
            act(path);
            const proof = await archived();
            expectText(proof, verdict === "exact" ? text : rewritten);
            expect(proof).to.include({ verdict, at, held: true });
          });
        }
      }

      it("is recaptured where there is no fingerprint to tell", async () => {
        const { frozen, archived } = await freezeFile({ text, name: "x.bin", ageMs: 1, fingerprints: false });
        expect(frozen).not.to.have.property("fingerprint");
        const proof = await archived();
        expectText(proof, text);
        expect(proof).to.include({ verdict: "recaptured", at: LATER });
      });
    });

    it("cuts a prefix after its last complete line", async () => {
      const { path, archived } = await freezeFile({ text: `${text}{"half` });
      appendFileSync(path, '":1}\n');
      const proof = await archived();
      expectText(proof, text);
      expect(proof).to.include({ verdict: "prefix", cut: 6 });
    });

    const reads = length === SMALL ? "read" : "readAsync";
    for (const [moment, grown, momentOf] of [
      ["after the first fingerprint", true, (act) => interrupted("before", "readAsync", always, act)],
      ["before the second fingerprint", true, (act) => interrupted("after", "readAsync", always, act)],
      ["during the second fingerprint", true, duringSecondFingerprint],
      ["before it is read for the first time", false, (act) => interrupted("before", reads, always, act)],
      ["after it was read for the first time", false, (act) => interrupted("after", reads, always, act)],
    ] as const satisfies [string, boolean, (act: () => void) => Interrupted][]) {
      for (const [name, act, verdict, expected] of [
        ["grows", append, "prefix", text],
        ["is rewritten", rewrite, "recaptured", rewritten],
        ["is emptied", (path) => truncateSync(path), "recaptured", ""],
      ] as const satisfies [string, (path: string) => void, string, string][]) {
        it(`is ${verdict} where it ${name} ${moment}`, async () => {
          const { path, archived } = await freezeFile({ text });
          if (grown) append(path);
          const { fs, came } = momentOf(() => act(path));
          const proof = await archived({ fs });
          expect(came()).to.equal(true);
          expectText(proof, expected);
          expect(proof).to.include({ verdict, at: verdict === "prefix" ? FROZEN : LATER });
        });
      }
    }

    for (const name of ["x.json", "x.log", "x.jsonl"]) {
      it(`is unstable where it is never quiet, the last reading of ${name}`, async () => {
        const version = (round: number): string => `{"round":${1_000 + round}}\n`.repeat(length / 15);
        const { path, archived } = await freezeFile({ name, text });
        writeFileSync(path, version(0));
        const proof = await archived({ fs: beforeEachReading((round) => writeFileSync(path, version(round))) });
        expectText(proof, version(20));
        expect(proof).to.include({ verdict: "unstable", at: LATER });
      });

      it(`is recaptured where it only grows: ${name}`, async () => {
        const { path, archived } = await freezeFile({ name, text, ageMs: COLD });
        append(path);
        const proof = await archived({ fs: beforeEachReading(() => append(path)) });
        expect(proof).to.include({ verdict: "recaptured", at: LATER });
        expectText(proof, text + MORE.repeat((proof.size - text.length) / MORE.length));
      });
    }

    for (const [clock, after] of [
      ["fine", 49],
      ["coarse", 1_999],
    ] as const) {
      it(`takes no torn reading ${after} ms after its last modification by a ${clock} clock`, async () => {
        const { archived } = await freezeFile({ text, ageMs: 0 });
        const { fs, came } = tornOnce();
        const proof = await archived({ fs, now: FROZEN + after, coarseClock: clock === "coarse" });
        expect(came()).to.equal(true);
        expectText(proof, text);
        expect(proof).to.include({ verdict: "exact", at: FROZEN });
      });
    }
  });

  describe(`taking ${title} by copying`, () => {
    const whileRead = (act: (path: string) => void) => (path: string) =>
      interrupted("after", "readAsync", always, () => act(path));
    for (const [name, disturbed, verdict, expected] of [
      ["is read torn, a moment after it was modified", tornOnce, "exact", text],
      ["is rewritten while it is read", whileRead(rewrite), "recaptured", rewritten],
      ["grows while it is read", whileRead(append), "prefix", text],
    ] as const) {
      it(`is ${verdict} where it ${name}`, async () => {
        let moment: Interrupted | undefined;
        const fsFor = (path: string): Filesystem => (moment = disturbed(path)).fs;
        const { path, archived } = await freezeFile({ text, ageMs: 0, method: "copy", fsFor });
        expect(moment?.came()).to.equal(true);
        writeFileSync(path, "something else");
        const proof = await archived();
        expectText(proof, expected);
        expect(proof).to.include({ verdict, at: FROZEN, held: true });
      });
    }

    it("is exact where it is at rest, whatever happens after the freeze", async () => {
      const { path, archived } = await freezeFile({ text, method: "copy" });
      rewrite(path);
      const proof = await archived({ midway: () => truncateSync(path) });
      expectText(proof, text);
      expect(proof).to.include({ verdict: "exact", at: FROZEN, held: true });
    });

    it("is unstable where it is never quiet", async () => {
      const version = (round: number): string => `${round}`.padEnd(length);
      const fsFor = (path: string): Filesystem => beforeEachReading((round) => writeFileSync(path, version(round)));
      const live = await freezeFile({ name: "x.json", text: version(0), ageMs: 0, method: "copy", fsFor });
      const proof = await live.archived();
      expectText(proof, version(20));
      expect(proof.verdict).to.equal("unstable");
    });
  });
}

describe("guarding a large file that was linked", () => {
  const text = linesOf("old", LARGE);
  const rewrite = (path: string): void => writeFileSync(path, linesOf("new", LARGE));

  for (const [name, given, act, held] of [
    ["was at rest and is left alone", { ageMs: COLD }, () => {}, true],
    ["was at rest and is deleted", { ageMs: COLD }, (path) => rmSync(path), true],
    ["was at rest and is rewritten", { ageMs: COLD }, rewrite, false],
    ["was at rest and grows", { ageMs: COLD }, append, false],
    ["was at rest and is truncated", { ageMs: COLD }, (path) => truncateSync(path), false],
    ["was copied first and is rewritten", { ageMs: COLD, copyFirst: true }, rewrite, true],
    ["was hot, thus copied, and is rewritten", { ageMs: 60_000 }, rewrite, true],
    ["was hot, thus copied, and is truncated", { ageMs: HOT }, (path) => truncateSync(path), true],
  ] as const satisfies [string, { ageMs: number; copyFirst?: boolean }, (path: string) => void, boolean][]) {
    it(`${held ? "keeps" : "loses"} its proof where it ${name} while it is streamed`, async () => {
      const { ageMs, copyFirst = false } = given as { ageMs: number; copyFirst?: boolean };
      const { path, archived } = await freezeFile({ text, ageMs });
      const proof = await archived({ copyFirst, midway: () => act(path) });
      expect(proof).to.include({ verdict: "exact", held });
      if (held) expectText(proof, text);
    });
  }
});

describe("guarding a file that cannot be read", () => {
  for (const [operation, code] of [
    ["openRead", "EACCES"],
    ["openRead", "EPERM"],
    ["openRead", "EIO"],
    ["read", "EIO"],
    ["read", "EUCLEAN"],
  ] as const) {
    it(`says so: ${code} of ${operation}`, async () => {
      const { archived } = await freezeFile({ text: "text" });
      const fs = fsWith({ [operation]: refuse(code) });
      const failure: unknown = await archived({ fs }).catch((error: unknown) => error);
      expect(failure).to.have.property("message", `unreadable: ${code}`);
    });
  }

  it("fails where the staged file is gone", async () => {
    const { frozen, archived } = await freezeFile({ text: "text" });
    disk.unlink(frozen.staged);
    const failure: unknown = await archived().catch((error: unknown) => error);
    expect(failure).to.include({ code: "io", message: "the stage was removed while it was in use" });
  });
});
