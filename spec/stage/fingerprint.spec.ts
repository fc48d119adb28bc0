import { appendFileSync, closeSync, openSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { disk } from "../../lib/filesystem.js";
import type { FrozenFile } from "../../lib/stage/entry.js";
import { fingerprinted, fingerprintMatches, fingerprintOf, inNeedOfFingerprint } from "../../lib/stage/fingerprint.js";
import { fsWith, interrupted, refuse } from "../helpers/port.js";
import { tmpDirectory } from "../helpers/tree.js";

const NOW = 1_700_000_000_000;

function frozen(path: string, ageMs: number, known: Partial<FrozenFile> = {}): FrozenFile {
  return {
    ...{ type: "file", source: 0, path: bytesOf(path), mode: 0o600, uid: 0, gid: 0, dev: 1, ino: 1, size: 4 },
    ...{ mtimeNs: BigInt(NOW - ageMs) * 1_000_000n, method: "link", staged: bytesOf("/stage/0"), at: NOW },
    ...known,
  };
}

function fileWith(text: string): string {
  const path = join(tmpDirectory(), "x.jsonl");
  writeFileSync(path, text);
  return path;
}

function onDescriptor<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, "r");
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

describe("fingerprint", () => {
  for (const [name, text, head, tail] of [
    ["an empty file", "", "", ""],
    ["a short file", "short", "short", "short"],
    ["a file of 6 KiB", "a".repeat(2048) + "b".repeat(4096), "a".repeat(2048) + "b".repeat(2048), "b".repeat(4096)],
    ["a file of 9 KiB", "a".repeat(4096) + "b".repeat(1024) + "c".repeat(4096), "a".repeat(4096), "c".repeat(4096)],
  ] as const) {
    it(`is the first and the last 4 KiB of ${name}`, () => {
      const print = onDescriptor(fileWith(text), (fd) => fingerprintOf(disk, fd, text.length));
      expect({ head: print.head.toString(), tail: print.tail.toString() }).to.deep.equal({ head, tail });
    });
  }

  const LINES = "0123456789abcde\n".repeat(1024);
  for (const [name, act, matches] of [
    ["untouched", () => {}, true],
    ["appended to", (path: string) => appendFileSync(path, "more\n"), true],
    ["given another first byte", (path: string) => writeFileSync(path, `X${LINES.slice(1)}more`), false],
    ["given another byte 4095", (path: string) => writeFileSync(path, change(4095)), false],
    ["given another byte 4 KiB before its end", (path: string) => writeFileSync(path, change(12_288)), false],
    ["given another last byte", (path: string) => writeFileSync(path, `${LINES.slice(0, -1)}Xmore`), false],
    ["truncated by a byte", (path: string) => truncateSync(path, LINES.length - 1), false],
    ["truncated to nothing", (path: string) => truncateSync(path), false],
  ] as const) {
    it(`${matches ? "matches" : "does not match"} a file that was ${name}`, () => {
      const path = fileWith(LINES);
      const known = onDescriptor(path, (fd) => fingerprintOf(disk, fd, LINES.length));
      act(path);
      expect(onDescriptor(path, (fd) => fingerprintMatches(disk, fd, LINES.length, known))).to.equal(matches);
    });
  }

  function change(position: number): string {
    return `${LINES.slice(0, position)}X${LINES.slice(position + 1)}more`;
  }
});

describe("files in need of a fingerprint", () => {
  for (const [path, ageMs, known, may] of [
    ["a/x.jsonl", 0, {}, true],
    ["a/x.jsonl", 60_000, {}, true],
    ["a/x.jsonl", 60_001, {}, false],
    ["x.jsonl.reset.1", 5_000, {}, true],
    ["x.log", 5_000, {}, true],
    ["x.log", 60_001, {}, false],
    ["x.json", 5_000, {}, false],
    ["x.json", 49, {}, true],
    ["x.json", -49, {}, true],
    ["x.json", 51, {}, false],
    ["x.json", -5_000, {}, false],
    ["x.json", 49, { method: "copy" }, false],
    ["x.log.1", 5_000, {}, false],
    ["x.jsonl.zst", 5_000, {}, false],
    ["x.jsonl", 5_000, { method: "copy" }, false],
    ["x.jsonl", 5_000, { method: "clone" }, false],
  ] as const) {
    const { method = "link" } = known as Partial<FrozenFile>;
    it(`${may ? "are" : "are not"} ${path} by ${method}, modified ${ageMs} ms before its capture`, () => {
      const file = frozen(path, ageMs, known);
      expect(inNeedOfFingerprint([file], () => false)).to.deep.equal(may ? [file] : []);
    });
  }

  it("are all that were modified within two seconds where clocks are coarse", () => {
    const files = [1_999, 2_000].map((ageMs) => frozen("x.json", ageMs));
    expect(inNeedOfFingerprint(files, () => true)).to.deep.equal(files.slice(0, 1));
  });

  it("are the newest 2,000, the newest first", () => {
    const files = Array.from({ length: 2_001 }, (_, index) => frozen(`${index}.jsonl`, index));
    expect(inNeedOfFingerprint([...files].reverse(), () => false).map(({ path }) => path)).to.deep.equal(
      files.slice(0, 2_000).map(({ path }) => path),
    );
  });
});

describe("taking a fingerprint", () => {
  function linked(text: string): { path: string; file: FrozenFile } {
    const path = fileWith(text);
    utimesSync(path, NOW / 1000, NOW / 1000);
    return { path, file: frozen("x.jsonl", 0, { staged: bytesOf(path), size: text.length }) };
  }

  it("makes what was appended since the file was linked a part of it", () => {
    const { path, file } = linked("one\n");
    appendFileSync(path, "two\n");
    const { mtimeNs } = disk.lstat(file.staged);
    const bytes = Buffer.from("one\ntwo\n");
    expect(fingerprinted(disk, file, () => NOW + 7)).to.deep.equal({
      ...file,
      ...{ size: 8, mtimeNs, at: NOW + 7, fingerprint: { head: bytes, tail: bytes } },
    });
  });

  for (const when of ["before", "after"] as const) {
    it(`lets a file be that is written to ${when} its bytes are read`, () => {
      const { path, file } = linked("one\n");
      const moment = interrupted(
        when,
        "read",
        () => true,
        () => appendFileSync(path, "two\n"),
      );
      expect(fingerprinted(moment.fs, file, () => NOW)).to.equal(undefined);
      expect(moment.came()).to.equal(true);
    });
  }

  for (const code of ["EACCES", "EPERM", "EIO"]) {
    it(`lets a file be that cannot be read: ${code}`, () => {
      const { file } = linked("one\n");
      expect(fingerprinted(fsWith({ openRead: refuse(code) }), file, () => NOW)).to.equal(undefined);
      expect(fingerprinted(fsWith({ read: refuse(code) }), file, () => NOW)).to.equal(undefined);
    });
  }

  it("fails where the staged file is gone", () => {
    const { file } = linked("one\n");
    expect(() => fingerprinted(fsWith({ openRead: refuse("ENOENT") }), file, () => NOW)).to.throw("ENOENT");
  });
});
