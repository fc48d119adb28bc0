import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { createFrom } from "../helpers/run.js";
import { expectSame, giveName, listed, raw, treeOf } from "./same-tree.js";

const NAMES: readonly (readonly [string, ...string[]])[] = [
  ["that are not UTF-8", "caf\xe9", "\xff", "\x80\x81", "half \xc3", "\xed\xa0\x80"],
  ["in UTF-8", ...["größe", "日本語", "🦊"].map(bytesOf)],
  ["with a newline", "two\nlines", "\n", "end\n"],
  ["with other control characters", "\x01", "\t", "\r", "\x1b[31m", "\x7f"],
  ["with a backslash", "back\\slash", "\\", "\\\\n", "end\\"],
  ["of 255 bytes", "n".repeat(255), bytesOf("é".repeat(127) + "e"), "\xe9".repeat(255)],
  ["that look like options", "-rf", "--help"],
  ["that is a dash", "-"],
  ["that differ in Unicode's normal form", ...["\u00e9", "e\u0301"].map(bytesOf)],
  ["that differ in case", "Name", "name", "NAME"],
  ["that look like drives", "c:", "C:x", "c:\\x"],
  ["with dots and blanks at their ends", "dot.", "dots...", "...", "blank ", " ", " blank"],
  ["that look like syntax", "*", "?", "[a]", "a=b", "12 path=x", "%s", '"', "'", "$(x)", "@LongLink"],
  ["of 98 to 102 bytes, where the fields of tar end", ...[98, 99, 100, 101, 102].map((n) => "f".repeat(n))],
];

describe("names in an archive", () => {
  for (const [which, ...names] of NAMES) {
    it(`are what GNU tar extracts, byte for byte: those ${which}`, async () => {
      const source = treeOf();
      for (const name of names) giveName(source, name);
      await expectSame(source);
    });
  }

  for (const [length, depth, part] of [
    [255, 2, 130],
    [1000, 6, 200],
    [2000, 40, 60],
  ] as const) {
    for (const letter of ["d", "\xe9"]) {
      const encoding = letter === "d" ? "ASCII" : "not UTF-8";
      it(`are kept in paths over ${length} characters, ${depth} levels deep (${encoding})`, async () => {
        const source = treeOf();
        const directory = Array.from({ length: depth }, () => letter.repeat(part)).join("/");
        expect(directory.length).to.be.greaterThan(length);
        fs.mkdirSync(raw(source, directory), { recursive: true });
        fs.writeFileSync(raw(source, directory, "deep"), "deep");
        fs.linkSync(raw(source, directory, "deep"), raw(source, directory, "deeper"));
        fs.symlinkSync("deep", raw(source, directory, "link"));
        await expectSame(source);
      });
    }
  }

  it("are kept apart where archiver would mend them to one", async () => {
    await expectSame(treeOf("c:/x", "x", "c:x", "d/y", "d\\y", "d\\"));
  });

  it("are in bytewise order of their whole paths", async () => {
    const { archive } = await createFrom(treeOf("a/x", "a-b", "a.c/x", "a0", "B", "\xc3\xa9", "\xff"));
    const payload = listed(archive)
      .slice(2, -1)
      .map((name) => name.replace(/^.*\/source\//s, ""));
    expect(payload).to.deep.equal(["B", "a", "a-b", "a.c", "a.c/x", "a/x", "a0", "\xc3\xa9", "\xff"]);
  });

  it("that begin alike, as `a/x` and `a-b`, need --delay-directory-restore for the times of directories", async () => {
    await expectSame(treeOf("a/x", "a-b"), "--delay-directory-restore");
  });

  it("are the same to Python's tarfile", async function () {
    if (spawnSync("python3", ["-c", ""]).status !== 0) this.skip();
    const source = treeOf();
    for (const [, ...names] of NAMES) for (const name of names) giveName(source, name);
    const { archive } = await createFrom(source);
    const script =
      "import json,os,sys,tarfile\n" +
      "print(json.dumps([os.fsencode(name).hex() for name in tarfile.open(sys.argv[1]).getnames()]))";
    const { stdout, stderr } = spawnSync("python3", ["-c", script, archive], { encoding: "utf8" });
    expect(stderr).to.equal("");
    const names = JSON.parse(stdout) as string[];
    expect(names.map((name) => Buffer.from(name, "hex").toString("latin1"))).to.deep.equal(listed(archive));
  });
});
