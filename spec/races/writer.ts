import fs from "node:fs";
import { join } from "node:path";
import {
  append,
  createDirectory,
  createFile,
  openToAppend,
  plant,
  rename,
  truncate,
  unlink,
  write,
  type Entry,
  type FileEntry,
  type Tree,
} from "../helpers/churn-tree.js";

/** The live program: two directories and three files, and what it has begun and not finished. */
export interface Writer {
  readonly tree: Tree;
  /** A directory that is no business of the backup. */
  readonly outside: string;
  /** What it has still to write, to files that it holds open, by the names that they had. */
  readonly halves: Map<string, Half>;
  /** How many lines each act has written, by its name. */
  readonly lines: Map<string, number>;
}

interface Half {
  readonly file: FileEntry;
  readonly fd: number;
  readonly rest: Buffer;
}

/** Something that the live program does in one go. */
export interface Act {
  readonly name: string;
  readonly ready: (writer: Writer) => boolean;
  /** By the names that there are right before it. */
  readonly changes: (writer: Writer) => Changes;
  readonly act: (writer: Writer) => void;
}

/** What is other than before: all that a look at the tree could tell an act by. */
export interface Changes {
  /** Names of files whose bytes, size and times change. */
  readonly written: readonly string[];
  /** Names that come to stand for something else, or for nothing. */
  readonly names: readonly string[];
}

export function createWriter(directory: string, outside: string, now: () => number): Writer {
  const writer: Writer = { tree: plant(directory, now), outside, halves: new Map(), lines: new Map() };
  for (const path of ["a", "b"]) createDirectory(writer.tree, path);
  for (const path of ["a/x.jsonl", "a/y.json", "b/z.jsonl"])
    createFile(writer.tree, path, () => line(writer, PLANTING));
  return writer;
}

const PLANTING = "plant";

/**
 * No two are alike, and all are of one length, so that only the bytes tell them apart. Whatever else is done, the same
 * act writes the same lines.
 */
function line(writer: Writer, by: string): Buffer {
  const written = writer.lines.get(by) ?? 0;
  writer.lines.set(by, written + 1);
  return Buffer.from(`{"n":${String(1000 + 100 * (ACTS.findIndex(({ name }) => name === by) + 1) + written)}}\n`);
}

const at = ({ tree }: Writer, path: string): Entry | undefined => tree.entries.get(path);
const isFree = (writer: Writer, path: string): boolean => at(writer, path) === undefined;
const renames =
  (...names: readonly string[]): (() => Changes) =>
  () => ({ written: [], names });
export const above = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

function fileAt(writer: Writer, path: string): FileEntry {
  const entry = at(writer, path);
  if (entry?.record.type !== "file") throw new Error(`${path} is no file`);
  return entry as FileEntry;
}

const isHalf = ({ halves }: Writer, file: FileEntry): boolean =>
  [...halves.values()].some((half) => half.file === file);
const isFile = (writer: Writer, path: string): boolean => at(writer, path)?.record.type === "file";
const isDirectory = (writer: Writer, path: string): boolean =>
  path === "" || at(writer, path)?.record.type === "directory";

function content(what: string, path: string, act: (writer: Writer, file: FileEntry, fresh: () => Buffer) => void): Act {
  const name = `${what} ${path}`;
  return {
    name,
    ready: (writer) => isFile(writer, path) && !isHalf(writer, fileAt(writer, path)),
    changes: () => ({ written: [path], names: [] }),
    act: (writer) => act(writer, fileAt(writer, path), () => line(writer, name)),
  };
}

const appendTo = (path: string): Act =>
  content("append to", path, (writer, file, fresh) => append(writer.tree, file, fresh()));

/** Leaves a file open, half written. */
function begin(what: string, path: string, act: (writer: Writer, file: FileEntry, fresh: () => Buffer) => Half): Act {
  const begun = content(what, path, (writer, ...rest) => void writer.halves.set(path, act(writer, ...rest)));
  return { ...begun, ready: (writer) => begun.ready(writer) && !writer.halves.has(path) };
}

const appendHalf = (path: string): Act =>
  begin("append half a line to", path, (writer, file, fresh) => {
    const bytes = fresh();
    const fd = openToAppend(writer.tree, file);
    write(writer.tree, file, fd, bytes.subarray(0, 4));
    return { file, fd, rest: bytes.subarray(4) };
  });

const empty = (path: string): Act =>
  begin("empty", path, (writer, file, fresh) => ({ file, fd: truncate(writer.tree, file), rest: fresh() }));

/** Wherever that file is by now. */
const finish = (path: string): Act => ({
  name: `write the rest of ${path}`,
  ready: ({ halves }) => halves.has(path),
  changes: ({ halves }) => ({ written: [halves.get(path)?.file.path].filter((now) => now !== undefined), names: [] }),
  act: (writer) => finishHalf(writer, path),
});

function finishHalf(writer: Writer, path: string): void {
  const half = writer.halves.get(path);
  if (half === undefined) return;
  write(writer.tree, half.file, half.fd, half.rest);
  fs.closeSync(half.fd);
  writer.halves.delete(path);
}

export function finishAll(writer: Writer): void {
  for (const path of [...writer.halves.keys()]) finishHalf(writer, path);
}

const rewrite = (path: string): Act =>
  content("rewrite", path, (writer, file, fresh) => {
    const fd = truncate(writer.tree, file);
    write(writer.tree, file, fd, fresh());
    fs.closeSync(fd);
  });

const remove = (path: string): Act => ({
  name: `unlink ${path}`,
  ready: (writer) => isFile(writer, path),
  changes: renames(path),
  act: (writer) => unlink(writer.tree, fileAt(writer, path)),
});

const make = (path: string): Act => ({
  name: `create ${path}`,
  ready: (writer) => isFree(writer, path) && isDirectory(writer, above(path)),
  changes: renames(path),
  act: (writer) => void createFile(writer.tree, path, () => line(writer, `create ${path}`)),
});

const move = (from: string, to: string): Act => ({
  name: `rename ${from} to ${to}`,
  ready: (writer) =>
    isFile(writer, from) && isDirectory(writer, above(to)) && at(writer, to)?.record.type !== "directory",
  changes: renames(from, to),
  act: (writer) => rename(writer.tree, fileAt(writer, from), to),
});

/** Atomic replace: a new file is written beside it and renamed over it. */
const replace = (path: string): Act => ({
  name: `replace ${path}`,
  ready: (writer) => isFile(writer, path),
  changes: renames(path),
  act(writer) {
    const fresh = createFile(writer.tree, `${path}.tmp`, () => line(writer, `replace ${path}`));
    rename(writer.tree, fresh, path);
  },
});

const moveDirectory = (from: string, to: string): Act => ({
  name: `rename directory ${from} to ${to}`,
  ready: (writer) => isDirectory(writer, from) && isFree(writer, to) && isDirectory(writer, above(to)),
  changes: renames(from, to),
  act(writer) {
    const entry = at(writer, from);
    if (entry) rename(writer.tree, entry, to);
  },
});

/** The symbolic link is not in the record: what it leads to must not be in the archive, and what was there is elsewhere. */
const swap = (path: string): Act => ({
  name: `put a link in place of directory ${path}`,
  ready: (writer) => isDirectory(writer, path) && isFree(writer, `${path}.old`),
  changes: renames(path, `${path}.old`),
  act(writer) {
    const entry = at(writer, path);
    if (!entry) return;
    rename(writer.tree, entry, `${path}.old`);
    fs.symlinkSync(writer.outside, join(writer.tree.directory, path));
  },
});

/** What the writer may do next, wherever it stands. */
export const ACTS: readonly Act[] = [
  appendTo("a/x.jsonl"),
  appendTo("b/z.jsonl"),
  appendHalf("a/x.jsonl"),
  empty("a/y.json"),
  finish("a/x.jsonl"),
  finish("a/y.json"),
  rewrite("a/x.jsonl"),
  rewrite("a/y.json"),
  remove("a/y.json"),
  make("a/y.json"),
  make("b/new.jsonl"),
  move("a/x.jsonl", "a/moved.jsonl"),
  move("a/moved.jsonl", "a/x.jsonl"),
  move("a/x.jsonl", "b/x.jsonl"),
  move("b/x.jsonl", "a/x.jsonl"),
  move("b/z.jsonl", "a/x.jsonl"),
  replace("a/x.jsonl"),
  replace("a/y.json"),
  moveDirectory("a", "c"),
  moveDirectory("c", "a"),
  moveDirectory("b", "a/b"),
  swap("a"),
  swap("b"),
];
