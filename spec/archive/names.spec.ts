import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { archivePath, pathOf, type NamedPath } from "../../lib/archive/index.js";
import { bytesOf } from "../../lib/bytes.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import { createFrom } from "../helpers/run.js";
import { age, tmpDirectory } from "../helpers/tree.js";

const isRoot = process.getuid?.() === 0;

/** A path with one character for each byte, as the kernel is to see it. */
function raw(...parts: readonly string[]): Buffer {
  return Buffer.from(parts.join("/"), "latin1");
}

/** Everything about a tree that a backup keeps, by paths in bytes. Names of one file all tell its first name. */
function facts(root: string): Record<string, Record<string, unknown>> {
  const found: Record<string, Record<string, unknown>> = {};
  const firstNames = new Map<bigint, string>();
  const visit = (path: string): void => {
    const at = path === "." ? raw(root) : raw(root, path);
    const stat = fs.lstatSync(at, { bigint: true });
    const { mode, uid, gid, mtimeNs, ino } = stat;
    const kind = stat.isDirectory() ? "directory" : stat.isSymbolicLink() ? "symlink" : "file";
    const owned = { kind, mode: Number(mode).toString(8), uid: Number(uid), gid: Number(gid), mtimeNs };
    found[path] = owned;
    if (kind === "directory") {
      const names = fs.readdirSync(at, { encoding: "latin1" }).sort();
      for (const name of names) visit(path === "." ? name : `${path}/${name}`);
    } else if (kind === "symlink") {
      found[path] = { ...owned, target: fs.readlinkSync(at, { encoding: "latin1" }) };
    } else {
      if (!firstNames.has(ino)) firstNames.set(ino, path);
      found[path] = { ...owned, bytes: fs.readFileSync(at).toString("latin1"), file: firstNames.get(ino) };
    }
  };
  visit(".");
  return found;
}

/** GNU tar, which must have nothing to say but that some files are from the future or from before 1970. */
function tar(...args: readonly string[]): string {
  const run = spawnSync("tar", ["--warning=no-timestamp", ...args], {
    encoding: "latin1",
    env: { ...process.env, LC_ALL: "C" },
    maxBuffer: 64 << 20,
  });
  expect({ status: run.status, stderr: run.stderr }).to.deep.equal({ status: 0, stderr: "" });
  return run.stdout;
}

const ESCAPES: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** The names in an archive in their order, without the slashes of directories. */
function listed(archive: string): string[] {
  const lines = tar("-tf", archive, "--quoting-style=escape").split("\n").slice(0, -1);
  return lines.map((line) =>
    line
      .replace(/\/$/, "")
      .replace(/\\([0-7]{3}|.)/g, (_, code: string) =>
        code.length === 3 ? String.fromCharCode(parseInt(code, 8)) : (ESCAPES[code] ?? code),
      ),
  );
}

/** The names that an index promises, in its order. */
function promised(index: string, source: string): string[] {
  const lines = fs.readFileSync(index, "utf8").split("\n").slice(0, -1);
  const [snapshot, ...entries] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return entries
    .filter(({ type }) => type !== "end")
    .map((line) => archivePath(String(snapshot?.["root"]), bytesOf(source), pathOf(line as NamedPath)));
}

/** Backs up a tree and proves that GNU tar makes the same tree of it. */
async function expectSame(source: string): Promise<CreateReport> {
  const before = facts(source);
  const report = await createFrom(source);
  const target = tmpDirectory();
  tar("-xpf", report.archive, "-C", target, "--numeric-owner");
  const [root = ""] = fs.readdirSync(target);
  expect(facts(join(target, root, "payload/posix", source))).to.deep.equal(before);

  const names = listed(report.archive);
  expect(names.at(0)).to.equal(`${root}/manifest.json`);
  expect(names.at(-1)).to.equal(`${root}/holdstill/index.jsonl`);
  expect(names.slice(1, -1)).to.deep.equal(promised(join(target, root, "holdstill/index.jsonl"), source));
  return report;
}

/** A source with empty files at these paths, with one character for each byte. */
function treeOf(...paths: readonly string[]): string {
  const source = join(tmpDirectory(), "source");
  fs.mkdirSync(source);
  for (const path of paths) {
    fs.mkdirSync(raw(source, ...path.split("/").slice(0, -1)), { recursive: true });
    fs.writeFileSync(raw(source, path), "");
  }
  return source;
}

/** A name as that of a file, of its hard link, of a directory, of a symbolic link and of that link's target. */
function giveName(source: string, name: string): void {
  for (const kind of ["file", "again", "directory", "link"]) fs.mkdirSync(join(source, kind), { recursive: true });
  fs.writeFileSync(raw(source, "file", name), `in ${name}`, "latin1");
  fs.linkSync(raw(source, "file", name), raw(source, "again", name));
  fs.mkdirSync(raw(source, "directory", name));
  fs.writeFileSync(raw(source, "directory", name, "inside"), "inside");
  fs.mkdirSync(raw(source, "directory", name, "empty"));
  fs.symlinkSync(Buffer.from(name, "latin1"), raw(source, "link", name));
}

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

  it("that begin alike leave the times of directories as they were: `a/x` beside `a-b`", async () => {
    await expectSame(treeOf("a/x", "a-b"));
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

describe("entries of an archive", () => {
  const TARGETS = { absolute: "/etc/passwd", dangling: "no/such", up: "../../..", newline: "a\nb", raw: "\xff/\xe9" };
  for (const [which, target] of Object.entries({
    ...TARGETS,
    long: "t".repeat(4000),
    "raw and long": "\xe9".repeat(4000),
  })) {
    it(`keep the target of a symbolic link: ${which}`, async () => {
      const source = treeOf();
      fs.symlinkSync(Buffer.from(target, "latin1"), join(source, "link"));
      fs.symlinkSync(Buffer.from(target, "latin1"), raw(source, "\xe9"));
      await expectSame(source);
    });
  }

  for (const at of ["2026-01-02T03:04:05.123456789Z", "2038-01-19T03:14:07Z", "2038-01-19T03:14:08.000000001Z"].concat([
    "2100-02-28T00:00:00.5Z",
    "1970-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999999Z",
    "1955-11-05T06:00:00.25Z",
  ])) {
    it(`keep their time to the nanosecond: ${at}`, async () => {
      const source = treeOf();
      giveName(source, "name");
      giveName(source, "\xe9");
      const touch = ["-depth", "-exec", "touch", "-h", "-d", at, "{}", "+"];
      expect(spawnSync("find", [source, ...touch]).status).to.equal(0);
      expect(facts(source)["file/\xe9"]?.["mtimeNs"]).to.equal(facts(source)["."]?.["mtimeNs"]);
      await expectSame(source);
    });
  }

  for (const id of [0, 262_143, 262_144, 2_097_152, 1_000_000_000, 4_294_967_294]) {
    it(`keep the owner ${id}`, async function () {
      if (!isRoot) this.skip();
      const source = treeOf();
      giveName(source, "name");
      giveName(source, "\xe9");
      for (const path of fs.readdirSync(source, { recursive: true, encoding: "latin1" })) {
        fs.lchownSync(raw(source, path), id, id === 0 ? 1_000_000_000 : id - 1);
      }
      await expectSame(source);
    });
  }

  for (const mode of [0o000, 0o400, 0o644, 0o777, 0o4755, 0o2755, 0o1777, 0o6711]) {
    it(`keep the mode ${mode.toString(8).padStart(4, "0")}`, async function () {
      if (!isRoot) this.skip();
      const source = treeOf();
      giveName(source, "name");
      fs.chmodSync(join(source, "file/name"), mode);
      fs.chmodSync(join(source, "directory/name"), mode);
      await expectSame(source);
    });
  }

  const MIB = 1 << 20;
  for (const size of [0, 1, 511, 512, 513, MIB - 1, MIB, MIB + 1, 3 * MIB]) {
    it(`keep every byte of a file of ${size} bytes, fresh or old, under any name`, async () => {
      const source = treeOf();
      const bytes = Buffer.alloc(size, "0123456789abcdef\n");
      for (const name of ["fresh", "old", "\xe9 fresh", "\xe9 old"]) fs.writeFileSync(raw(source, name), bytes);
      for (const name of ["old", "\xe9 old"]) fs.utimesSync(raw(source, name), 1_000_000_000, 1_000_000_000);
      const report = await expectSame(source);
      expect(report.counts).to.include({ files: 4, bytes: 4 * size });
    });
  }

  it("keep an empty directory, and a source that is one", async () => {
    const source = treeOf();
    await expectSame(source);
    fs.mkdirSync(join(source, "empty/empty"), { recursive: true });
    age(source, 100);
    await expectSame(source);
  });
});
