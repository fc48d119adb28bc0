import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { archivePath, pathOf, type NamedPath } from "../../lib/archive/index.js";
import { bytesOf } from "../../lib/bytes.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import { createFrom } from "../helpers/run.js";
import { tmpDirectory } from "../helpers/tree.js";

/** A path with one character for each byte, as the kernel is to see it. */
export function raw(...parts: readonly string[]): Buffer {
  return Buffer.from(parts.join("/"), "latin1");
}

/** Everything about a tree that a backup keeps, by paths in bytes. Names of one file all tell its first name. */
export function facts(root: string): Record<string, Record<string, unknown>> {
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
export function tar(...args: readonly string[]): string {
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
export function listed(archive: string): string[] {
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
export async function expectSame(source: string, ...options: readonly string[]): Promise<CreateReport> {
  const before = facts(source);
  const report = await createFrom(source);
  const target = tmpDirectory();
  tar("-xpf", report.archive, "-C", target, "--numeric-owner", ...options);
  const [root = ""] = fs.readdirSync(target);
  expect(facts(join(target, root, "payload/posix", source))).to.deep.equal(before);

  const names = listed(report.archive);
  expect(names.at(0)).to.equal(`${root}/manifest.json`);
  expect(names.at(-1)).to.equal(`${root}/holdstill/index.jsonl`);
  expect(names.slice(1, -1)).to.deep.equal(promised(join(target, root, "holdstill/index.jsonl"), source));
  return report;
}

/** A source with empty files at these paths, with one character for each byte. */
export function treeOf(...paths: readonly string[]): string {
  const source = join(tmpDirectory(), "source");
  fs.mkdirSync(source);
  for (const path of paths) {
    fs.mkdirSync(raw(source, ...path.split("/").slice(0, -1)), { recursive: true });
    fs.writeFileSync(raw(source, path), "");
  }
  return source;
}

/** A name as that of a file, of its hard link, of a directory, of a symbolic link and of that link's target. */
export function giveName(source: string, name: string): void {
  for (const kind of ["file", "again", "directory", "link"]) fs.mkdirSync(join(source, kind), { recursive: true });
  fs.writeFileSync(raw(source, "file", name), `in ${name}`, "latin1");
  fs.linkSync(raw(source, "file", name), raw(source, "again", name));
  fs.mkdirSync(raw(source, "directory", name));
  fs.writeFileSync(raw(source, "directory", name, "inside"), "inside");
  fs.mkdirSync(raw(source, "directory", name, "empty"));
  fs.symlinkSync(Buffer.from(name, "latin1"), raw(source, "link", name));
}
