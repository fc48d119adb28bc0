import { expect } from "chai";
import { bytesOf, type Bytes } from "../../lib/bytes.js";
import { HoldstillError } from "../../lib/errors.js";
import {
  archivePath,
  namedPath,
  namedTarget,
  pathOf,
  printLine,
  targetOf,
  type EntryLine,
  type Line,
} from "../../lib/archive/index.js";
import { indexReader } from "../../lib/archive/index-reader.js";
import { parseLine } from "../../lib/archive/parse-line.js";
import { closed, indexOf, sampleEntries, sha256, snapshotLine } from "../helpers/sample-archive.js";

const HASH = "0".repeat(64);
const OWNED = { source: 0, mode: 0o600, uid: 1, gid: 2, mtimeNs: "-5" };
const CAPTURE = { method: "link", verdict: "prefix", cut: 3, at: "2026-11-23T10:00:00.000Z" };

const GOOD: Readonly<Record<Line["type"], Readonly<Record<string, unknown>>>> = {
  snapshot: JSON.parse(printLine(snapshotLine())) as Record<string, unknown>,
  file: { type: "file", path: "a/b", ...OWNED, size: 1, sha256: HASH, capture: CAPTURE },
  directory: { type: "directory", path: ".", ...OWNED },
  symlink: { type: "symlink", path: "a", ...OWNED, target: "../../etc" },
  hardlink: { type: "hardlink", path: "a", ...OWNED, target: "b", targetSource: 1 },
  skip: { type: "skip", path: "a", source: 0, reason: "vanished" },
  end: {
    ...{ type: "end", files: 1, directories: 2, symlinks: 3, hardlinks: 4, skipped: 5, bytes: 6 },
    sha256: HASH,
  },
};

function refusal(use: () => unknown): string {
  try {
    use();
  } catch (error) {
    if (error instanceof HoldstillError && error.code === "bad-archive") return error.message;
    throw error;
  }
  return "nothing";
}

const refusalOf = (value: unknown): string => refusal(() => parseLine(JSON.stringify(value), 7));

describe("the lines of an index", () => {
  for (const [type, line] of Object.entries(GOOD)) {
    it(`are read as they were printed: ${type}`, () => {
      const text = JSON.stringify(line);
      expect(printLine(parseLine(text, 1))).to.equal(`${text}\n`);
    });

    it(`are refused without any of their fields: ${type}`, () => {
      const optional = ["label", "targetSource"];
      for (const field of Object.keys(line).filter((name) => !optional.includes(name))) {
        const { [field]: _, ...rest } = line;
        expect(refusalOf(rest), field).to.match(/^line 7 of the index: /);
        expect(refusalOf({ ...line, [field]: null }), field).to.match(/^line 7 of the index: /);
      }
    });
  }

  it("may have fields that are not known, but for the last", () => {
    for (const [type, line] of Object.entries(GOOD)) {
      const more = { ...line, more: 1 };
      if (type === "end") expect(refusalOf(more)).to.match(/not as it was written/);
      else expect(parseLine(JSON.stringify(more), 1)).to.deep.equal(more);
    }
  });

  it("are closed in one way only", () => {
    const text = JSON.stringify(GOOD.end);
    expect(refusal(() => parseLine(`${text} `, 7))).to.match(/not as it was written/);
    expect(refusal(() => parseLine(text.replace('"files":1', '"files":1.0'), 7))).to.match(/not as it was written/);
  });

  it("keep what is told of a database", () => {
    const database = { pageCount: 3, integrity: "ok" };
    expect(parseLine(JSON.stringify({ ...GOOD.file, database }), 1)).to.have.deep.property("database", database);
  });

  it("name only paths that stay below their source", () => {
    const unsafe = ["", "/", "/etc", "..", "../x", "a/../b", "a//b", "a/", "./a", "a/.", "a\0b", "\ud800"];
    for (const path of unsafe) {
      expect(refusalOf({ ...GOOD.file, path }), path).to.match(/path is missing or not valid/);
      expect(refusalOf({ ...GOOD.hardlink, target: path }), path).to.match(/target is missing or not valid/);
    }
    for (const path of [".", "...", "a/..b", ".a", "a\\..\\b", "a\nb"]) {
      expect(refusalOf({ ...GOOD.file, path }), path).to.equal("nothing");
    }
  });

  it("give a name once, and in base64 as it is written", () => {
    const { path: _, ...file } = GOOD.file;
    expect(refusalOf({ ...file, pathBase64: "/w==" })).to.equal("nothing");
    for (const pathBase64 of ["/w", "/w==\n", "_w==", "Li4=", "", 5]) {
      expect(refusalOf({ ...file, pathBase64 }), String(pathBase64)).to.match(/path is missing or not valid/);
    }
    expect(refusalOf({ ...GOOD.file, pathBase64: "/w==" })).to.match(/path/);
  });

  it("hold whole numbers, digests and times as they are written", () => {
    const wrong = { size: -1, mode: 0o10000, uid: 1.5, gid: "1", mtimeNs: 5, sha256: HASH.slice(1), source: -1 };
    for (const [field, value] of Object.entries(wrong)) {
      expect(refusalOf({ ...GOOD.file, [field]: value }), field).to.match(new RegExp(`${field} is missing`));
    }
    for (const mtimeNs of ["", "-0", "01", "1.5", "0x1"])
      expect(refusalOf({ ...GOOD.file, mtimeNs })).to.match(/mtimeNs/);
    expect(refusalOf({ ...GOOD.file, capture: { ...CAPTURE, verdict: "toString" } })).to.match(/capture/);
  });

  it("are objects of known types", () => {
    for (const value of [null, [], 5, "file", {}, { type: "files" }, { type: "constructor" }]) {
      expect(refusalOf(value), JSON.stringify(value)).to.match(/not an object|type is unknown/);
    }
    expect(refusal(() => parseLine("{", 3))).to.equal("line 3 of the index: it is not JSON");
  });
});

describe("names in an index", () => {
  it("are text, or base64 where they are not UTF-8", () => {
    expect(namedPath(bytesOf("naïve"))).to.deep.equal({ path: "naïve" });
    expect(namedPath("\xff" as Bytes)).to.deep.equal({ pathBase64: "/w==" });
    for (const name of [bytesOf("naïve"), "\xff\0" as Bytes]) {
      expect(pathOf(namedPath(name))).to.equal(name);
      expect(targetOf(namedTarget(name))).to.equal(name);
    }
  });

  it("are in the archive under the path that they were found at", () => {
    const at = (source: string, path: string): string => archivePath("root", source as Bytes, path as Bytes);
    expect(at("/home/a", "b/c")).to.equal("root/payload/posix/home/a/b/c");
    expect(at("/home/a", ".")).to.equal("root/payload/posix/home/a");
    expect(at("/", "b")).to.equal("root/payload/posix/b");
    expect(at("/", ".")).to.equal("root/payload/posix");
  });
});

describe("indexReader", () => {
  const lines = sampleEntries().map(({ line }) => line);

  function read(text: string | Buffer, size = 1 << 16): { readonly lines: Line[]; readonly sha256: string } {
    const data = Buffer.from(text as string);
    const seen: Line[] = [];
    const reader = indexReader((line) => void seen.push(line));
    for (let at = 0; at < data.length; at += size) reader.push(data.subarray(at, at + size));
    return { lines: seen, sha256: reader.finish() };
  }

  it("gives all lines, whatever the chunks", () => {
    const text = indexOf(lines);
    for (const size of [1, 7, 100, 1 << 16]) {
      const index = read(text, size);
      expect(index.lines.map(printLine).join("")).to.equal(text);
      expect(index.sha256).to.equal(sha256(text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1)));
    }
  });

  it("refuses an index that is not closed, or goes on after its last line", () => {
    const text = indexOf(lines);
    expect(refusal(() => read(text.slice(0, text.lastIndexOf('{"type":"end"'))))).to.match(/not closed/);
    expect(refusal(() => read(text.slice(0, -1)))).to.match(/not closed/);
    expect(refusal(() => read(""))).to.match(/not closed/);
    for (const more of ["\n", " ", text])
      expect(
        refusal(() => read(text + more)),
        more,
      ).to.match(/follows its last line/);
  });

  it("refuses one whose digest differs", () => {
    const text = indexOf(lines).replace("session.jsonl", "session.jsonk");
    expect(refusal(() => read(text))).to.match(/its digest differs/);
  });

  it("wants the snapshot first, and once", () => {
    const [line] = lines as [EntryLine];
    for (const wrong of [[line], [line, snapshotLine()], [snapshotLine(), snapshotLine()]]) {
      expect(refusal(() => read(closed(wrong, [])))).to.match(/first line/);
    }
  });

  it("refuses what is not UTF-8, and lines without end", () => {
    expect(refusal(() => read(Buffer.from('{"type":"\xff"}\n', "latin1")))).to.match(/line 1 is not UTF-8/);
    expect(refusal(() => read("x".repeat((1 << 20) + 1)))).to.match(/line 1 is too long/);
  });
});
