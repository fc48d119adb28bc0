import { appendFileSync, closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { disk } from "../../lib/filesystem.js";
import { completeLines, completeLinesIn, mayEndInHalfALine } from "../../lib/stage/cut.js";
import type { FrozenFile, Verdict } from "../../lib/stage/entry.js";
import { DISKS, afterTheFreeze, filesBelow, proofsIn, type Way } from "../helpers/freeze.js";
import { createFrom, extracted } from "../helpers/run.js";
import { age, tmpDirectory, tmpTree } from "../helpers/tree.js";

const MINUTE = 60_000;
const NOW = 1_700_000_000_000;

/** Files that hold lines of JSON, and files that do not, however they are named. */
const CUT = ["x.jsonl", "x.jsonl.reset.1", "x.jsonl.deleted.2", "x.jsonl.bak", "x.jsonl.bak-3", "cold/x.jsonl"];
const KEPT = [
  "cold/x.jsonl.zst",
  "x.jsonl.deleted.1.gz",
  "x.jsonl.bak.zst",
  "x.log",
  "x.json",
  "x.jsonl.lock",
  "jsonl",
];

function frozen(path: string): FrozenFile {
  return {
    ...{ type: "file", source: 0, path: bytesOf(path), mode: 0o600, uid: 0, gid: 0, dev: 1, ino: 1, size: 4 },
    ...{ mtimeNs: 0n, method: "link", staged: bytesOf("/stage/0"), at: NOW },
  };
}

function mayEnd(path: string, ageMs: number, verdict: Verdict): boolean {
  return mayEndInHalfALine(frozen(path), BigInt(NOW - ageMs) * 1_000_000n, NOW, verdict);
}

describe("where a file may end in half a line", () => {
  for (const [verdict, ageMs, may] of [
    ["exact", 0, true],
    ["exact", 10 * MINUTE, true],
    ["exact", 10 * MINUTE + 1, false],
    ["exact", 365 * 24 * 60 * MINUTE, false],
    ["prefix", 60 * MINUTE, true],
    ["recaptured", 60 * MINUTE, true],
    ["unstable", 60 * MINUTE, true],
  ] as const) {
    it(`${may ? "so may" : "so may not"} JSON lines that are ${verdict}, modified ${ageMs} ms before`, () => {
      for (const path of CUT) expect(mayEnd(path, ageMs, verdict), path).to.equal(may);
      for (const path of KEPT) expect(mayEnd(path, ageMs, verdict), path).to.equal(false);
    });
  }

  for (const [text, length] of [
    ["", 0],
    ["\n", 1],
    ["one", 0],
    ["one\n", 4],
    ["one\ntwo", 4],
    ["one\ntwo\n\n", 9],
  ] as const) {
    it(`there are ${length} bytes of complete lines in ${JSON.stringify(text)}`, () => {
      expect(completeLines(Buffer.from(text))).to.equal(length);
    });
  }

  const CHUNK = 64 << 10;
  for (const [size, newline] of [
    [0, -1],
    [1, -1],
    [1, 0],
    [CHUNK, 0],
    [CHUNK + 1, 0],
    [CHUNK + 1, 1],
    [3 * CHUNK, CHUNK - 1],
    [3 * CHUNK, 2 * CHUNK],
    [3 * CHUNK - 1, 3 * CHUNK - 2],
    [3 * CHUNK, -1],
  ] as const) {
    const where = newline < 0 ? "without a newline" : `whose last newline is at ${newline}`;
    it(`there are ${newline + 1} bytes of complete lines in the first ${size} of a file, ${where}`, () => {
      const path = join(tmpDirectory(), "x.jsonl");
      const bytes = Buffer.alloc(size + 10, "x");
      if (newline >= 0) bytes.write("\n", newline);
      bytes.write("\n", size);
      writeFileSync(path, bytes);
      const fd = openSync(path, "r");
      expect(completeLinesIn(disk, fd, size)).to.equal(newline + 1);
      closeSync(fd);
    });
  }
});

const HALF = '{"n":1}\n{"n":';
const LONG = 'x"}\n'.repeat(400_000);

/** Each ends in half a line, and so does what is added to it. */
const TREE = {
  ...Object.fromEntries([...CUT, ...KEPT].map((name) => [name, HALF])),
  ...{ "empty.jsonl": "", "none.jsonl": "half", "whole.jsonl": "{}\n" },
  "long.jsonl": LONG + "x".repeat(100 << 10),
  "longest.jsonl": "x".repeat(1_500_000),
};
const LINES: Record<string, number> = {
  ...Object.fromEntries(CUT.map((name) => [name, 8])),
  ...{ "empty.jsonl": 0, "none.jsonl": 0, "whole.jsonl": 3, "long.jsonl": LONG.length, "longest.jsonl": 0 },
};
const FILES: readonly (readonly [string, string])[] = Object.entries(TREE);
const ADDED = '1}\n{"half';

interface Kept {
  readonly text: string;
  readonly cut: number;
}

/** Backs up the tree; `after` happens to each file right after the freeze. */
async function backUp(
  strategy: Way,
  ageSeconds: number,
  after: (path: string) => void = () => {},
): Promise<Record<string, Kept>> {
  const source = tmpTree(TREE);
  age(source, ageSeconds);
  const moment = afterTheFreeze(() => filesBelow(source).forEach((path) => after(path)));
  const report = await createFrom(source, { strategy }, { fs: DISKS[strategy], ...moment });
  const texts = extracted(report, source);
  const proofs = Object.entries(proofsIn(report));
  return Object.fromEntries(proofs.map(([path, { cut }]) => [path, { text: texts[path] ?? "", cut }]));
}

/** Compares texts of megabytes without printing them. */
function expectKept(kept: Record<string, Kept>, path: string, text: string, cut: number): void {
  const { text: found = "", cut: foundCut } = kept[path] ?? {};
  expect({ length: found.length, cut: foundCut, same: found === text }, path).to.deep.equal({
    ...{ length: text.length, cut, same: true },
  });
}

describe("the last line in an archive", () => {
  for (const strategy of ["clone", "link", "copy"] as const) {
    for (const seconds of [5, 300]) {
      it(`is complete in JSON lines modified ${seconds} s before (${strategy})`, async () => {
        const kept = await backUp(strategy, seconds);
        for (const [path, text] of FILES) {
          const lines = LINES[path] ?? text.length;
          expectKept(kept, path, text.slice(0, lines), text.length - lines);
        }
      });
    }

    it(`is kept in files at rest that end without a newline (${strategy})`, async () => {
      const kept = await backUp(strategy, 3_600);
      for (const [path, text] of FILES) expectKept(kept, path, text, 0);
    });
  }

  for (const strategy of ["clone", "copy"] as const) {
    it(`is kept in files at rest that are appended to after the freeze (${strategy})`, async () => {
      const kept = await backUp(strategy, 3_600, (path) => appendFileSync(path, ADDED));
      for (const [path, text] of FILES) expectKept(kept, path, text, 0);
    });
  }

  it("is complete in JSON lines at rest that are appended to after the freeze (link)", async () => {
    const kept = await backUp("link", 3_600, (path) => appendFileSync(path, ADDED));
    for (const [path, text] of FILES) {
      const cut = path in LINES ? '{"half'.length : 0;
      expectKept(kept, path, (text + ADDED).slice(0, text.length + ADDED.length - cut), cut);
    }
  });

  it("is complete in JSON lines that are appended to right after the freeze, and not one more (link)", async () => {
    const kept = await backUp("link", 5, (path) => appendFileSync(path, ADDED));
    for (const path of Object.keys(LINES)) {
      const text = TREE[path as keyof typeof TREE];
      expectKept(kept, path, text.slice(0, LINES[path]), text.length - (LINES[path] ?? 0));
    }
  });
});
