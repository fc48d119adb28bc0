import { createHash, type Hash } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import type { Identity, Moment, Name, State } from "./churn-journal.js";

type Open<T> = { -readonly [Key in keyof T]: T[Key] };

interface Recorded extends Identity {
  readonly names: Open<Name>[];
  readonly states: Open<State>[];
}

export interface Entry {
  readonly record: Recorded;
  /** Where it is now; undefined once it is gone. */
  path: string | undefined;
}

export interface FileEntry extends Entry {
  /** All bytes so far, as a digest that can grow. */
  hash: Hash;
  length: number;
  /** Digest up to and with the last newline. */
  whole: string;
}

/** A directory on disk and the record of all that was done to it through the functions below. */
export interface Tree {
  readonly directory: string;
  /** Milliseconds of the epoch, with fractions. */
  readonly now: () => number;
  readonly entries: Map<string, Entry>;
  readonly identities: Recorded[];
}

/** A write that crosses one may be seen half done there: the size of a file grows page by page. */
const PAGE = 4096;
const NEWLINE = 0x0a;
const EMPTY = createHash("sha256").digest("hex");

export function plant(directory: string, now: () => number): Tree {
  return { directory, now, entries: new Map(), identities: [] };
}

export function createDirectory(tree: Tree, path: string): Entry {
  const moment = timed(tree, () => fs.mkdirSync(join(tree.directory, path)));
  const entry: Entry = { record: record(tree, "directory"), path: undefined };
  place(tree, entry, path, moment);
  return entry;
}

/** Creates a file and writes its first content in one call; `content` is told the new file's id. */
export function createFile(tree: Tree, path: string, content: (id: string) => Buffer): FileEntry {
  let fd = -1;
  const moment = timed(tree, () => (fd = fs.openSync(join(tree.directory, path), "wx")));
  const entry: FileEntry = { record: record(tree, "file"), path: undefined, ...empty() };
  place(tree, entry, path, moment);
  entry.record.states.push({ length: 0, sha256: EMPTY, from: moment });
  write(tree, entry, fd, content(entry.record.id));
  fs.closeSync(fd);
  return entry;
}

/** Opens a file to append to, whatever becomes of its name in the meantime. */
export function openToAppend(tree: Tree, entry: FileEntry): number {
  return fs.openSync(locate(tree, entry), "a");
}

/** Appends to what the descriptor is of, in one call. */
export function write(tree: Tree, entry: FileEntry, fd: number, bytes: Buffer): void {
  const moment = timed(tree, () => {
    if (fs.writeSync(fd, bytes) !== bytes.length) throw new Error(`short write: ${entry.path ?? entry.record.id}`);
  });
  grow(entry, bytes, moment);
}

export function append(tree: Tree, entry: FileEntry, bytes: Buffer): void {
  const fd = openToAppend(tree, entry);
  write(tree, entry, fd, bytes);
  fs.closeSync(fd);
}

/** Empties a file in place and leaves it open at its beginning. */
export function truncate(tree: Tree, entry: FileEntry): number {
  let fd = -1;
  const moment = timed(tree, () => (fd = fs.openSync(locate(tree, entry), "w")));
  endState(entry, moment);
  Object.assign(entry, empty());
  entry.record.states.push({ length: 0, sha256: EMPTY, from: moment });
  return fd;
}

/** Renames a file or a directory with all below it; a file that had the new name is gone. */
export function rename(tree: Tree, entry: Entry, to: string): void {
  const from = pathOf(entry);
  const moment = timed(tree, () => fs.renameSync(join(tree.directory, from), join(tree.directory, to)));
  const victim = tree.entries.get(to);
  if (victim) displace(tree, victim, moment);
  const inside = entry.record.type === "directory" ? below(tree, from) : [];
  for (const moved of [entry, ...inside]) {
    const path = pathOf(moved);
    displace(tree, moved, moment);
    place(tree, moved, to + path.slice(from.length), moment);
  }
}

export function unlink(tree: Tree, entry: Entry): void {
  const path = locate(tree, entry);
  displace(
    tree,
    entry,
    timed(tree, () => fs.unlinkSync(path)),
  );
}

/** Removes a directory with all below it, one by one. */
export function removeDirectory(tree: Tree, directory: Entry): void {
  const deepestFirst = below(tree, pathOf(directory)).sort((a, b) => pathOf(b).length - pathOf(a).length);
  for (const entry of [...deepestFirst, directory]) {
    if (entry.record.type === "file") {
      unlink(tree, entry);
      continue;
    }
    const path = locate(tree, entry);
    displace(
      tree,
      entry,
      timed(tree, () => fs.rmdirSync(path)),
    );
  }
}

function below(tree: Tree, path: string): Entry[] {
  return [...tree.entries].filter(([key]) => key.startsWith(`${path}/`)).map(([, entry]) => entry);
}

export function pathOf(entry: Entry): string {
  if (entry.path === undefined) throw new Error(`${entry.record.id} is gone`);
  return entry.path;
}

function locate(tree: Tree, entry: Entry): string {
  return join(tree.directory, pathOf(entry));
}

function timed(tree: Tree, action: () => unknown): Moment {
  const before = tree.now();
  action();
  return { before, after: tree.now() };
}

function record(tree: Tree, type: Identity["type"]): Recorded {
  const created: Recorded = { id: `${type}-${tree.identities.length}`, type, names: [], states: [] };
  tree.identities.push(created);
  return created;
}

function place(tree: Tree, entry: Entry, path: string, moment: Moment): void {
  entry.path = path;
  entry.record.names.push({ path, from: moment });
  tree.entries.set(path, entry);
}

function displace(tree: Tree, entry: Entry, moment: Moment): void {
  tree.entries.delete(pathOf(entry));
  entry.path = undefined;
  const name = entry.record.names.at(-1);
  if (name) name.until = moment;
}

function empty(): Pick<FileEntry, "hash" | "length" | "whole"> {
  return { hash: createHash("sha256"), length: 0, whole: EMPTY };
}

function endState(entry: FileEntry, moment: Moment): void {
  const state = entry.record.states.at(-1);
  if (state) state.until = moment;
}

function grow(entry: FileEntry, bytes: Buffer, moment: Moment): void {
  endState(entry, moment);
  for (let done = 0; done < bytes.length;) {
    const piece = bytes.subarray(done, done + PAGE - (entry.length % PAGE));
    done += piece.length;
    entry.length += piece.length;
    const newline = piece.lastIndexOf(NEWLINE) + 1;
    entry.hash.update(piece.subarray(0, newline));
    if (newline > 0) entry.whole = digest(entry.hash);
    entry.hash.update(piece.subarray(newline));
    const sha256 = digest(entry.hash);
    const cut = entry.whole === sha256 ? {} : { cut: entry.whole };
    const passing = done < bytes.length ? { until: moment } : {};
    entry.record.states.push({ length: entry.length, sha256, ...cut, from: moment, ...passing });
  }
}

function digest(hash: Hash): string {
  return hash.copy().digest("hex");
}
