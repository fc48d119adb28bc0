import { below, nameOf, parentOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Kind, Listed, Stat } from "../filesystem.js";
import { capture, copyOpen, type CapturedFile } from "./capture.js";
import type { PinOutcome } from "./database.js";
import { isDatabase, type KnownDatabase } from "./databases.js";
import type { FrozenEntry, FrozenFile, SkipReason } from "./entry.js";
import { identityOf } from "./hardlinks.js";
import { isAppended } from "./kinds.js";
import { ageMs, quietAfterMs, unchanged } from "./sameness.js";
import type { Listing, Tree } from "./tree.js";

/** A name that changes its kind between every two looks is let go after so many. */
const LOOKS = 3;

/** The rule by which the index tells why a database's log, index and journal are not in the archive. */
export const SIDECAR_RULE = "sqlite:sidecar";

const ROOT = "." as Bytes;

/** Walks a directory and everything below it, and captures each name that has not been captured yet. */
export async function walk(tree: Tree, start: Bytes): Promise<void> {
  const waiting = [start];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    waiting.push(...(await visit(tree, path)));
  }
}

/** Captures a root that is a file. */
export async function captureRoot(tree: Tree, name: Bytes): Promise<void> {
  for (let looks = 0; looks < LOOKS && tree.entries.get(ROOT)?.type !== "file"; looks++) {
    await captureName(tree, ROOT, under(tree.descent.enter(ROOT).base, name), "unknown");
  }
}

/**
 * Lists one directory and captures the names in it that are new, or stand for another file than they did.
 * @returns the directories in it that have not been visited
 */
export async function visit(tree: Tree, path: Bytes): Promise<Bytes[]> {
  const opened = list(tree, path);
  if (!opened) return [];
  const { base, names, listing } = opened;
  const again = tree.listings.has(path);
  tree.listings.set(path, listing);
  const directories: Bytes[] = [];
  const taken: Bytes[] = again ? [] : [path];
  for (const { name, kind } of names) {
    const pause = tree.breathe();
    if (pause) await pause;
    const child = below(path, name);
    const from = `${base}/${name}` as Bytes;
    if (isOwnStage(tree, child) || (again && !isNew(tree, child, from, kind))) continue;
    taken.push(child);
    if ((await captureName(tree, child, from, kind)) === "directory") directories.push(child);
  }
  if (tree.descent.isInPlace()) return directories;
  await giveBack(tree, path, taken);
  return [];
}

/**
 * Forgets what was taken of a directory that was moved meanwhile: some of it may never have been there under this path.
 * Where the directory is now it is found when its new parent is listed again.
 */
async function giveBack(tree: Tree, path: Bytes, taken: readonly Bytes[]): Promise<void> {
  await tree.copies.done();
  for (const each of taken) tree.entries.delete(each);
  lose(tree, path);
}

interface Opened {
  readonly base: Bytes;
  readonly names: readonly Listed[];
  readonly listing: Listing;
}

function list(tree: Tree, path: Bytes): Opened | undefined {
  const { fs, source } = tree;
  try {
    const { fd, base } = tree.descent.enter(path);
    // Before the names are read: what moves from now on shows in the mtime.
    const { mode, uid, gid, mtimeNs, ino } = fs.fstat(fd);
    const listedAt = tree.now();
    const names = fs.list(base);
    const rule = tree.selection.ofListed(path, base, names);
    if (rule !== undefined) {
      skip(tree, path, "excluded", rule);
      return undefined;
    }
    if (tree.entries.get(path)?.type !== "directory") {
      replace(tree, path, { type: "directory", source, path, mode, uid, gid, mtimeNs });
    }
    return { base, names, listing: { ino, mtimeNs, listedAt, lost: false } };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ESTALE")) {
      if (tree.entries.get(path)?.type !== "directory") lose(tree, path);
    } else if (isErrno(error, "EACCES", "EPERM", "EIO", "ENOTCONN")) {
      if (tree.entries.get(path)?.type !== "directory") skip(tree, path, "unreadable", error.code);
    } else throw error;
    return undefined;
  }
}

function isOwnStage(tree: Tree, path: Bytes): boolean {
  return tree.stage.placement === "inside" && path === nameOf(tree.stage.path);
}

/**
 * Whether a name in a directory that is listed again has to be captured: because it was not there, or because a file
 * that lived elsewhere was renamed over it. Then the one that it stood for is gone, or is found under another name.
 */
function isNew(tree: Tree, path: Bytes, from: Bytes, kind: Kind): boolean {
  const known = tree.entries.get(path);
  if (!known) return true;
  switch (known.type) {
    case "skip":
      return known.reason === "vanished";
    case "directory":
      return kind !== "directory";
    case "symlink":
      return true;
    case "hardlink":
    case "file":
      return kind !== "file" || isAnother(tree, from, known);
  }
}

/**
 * One that was born after the known one was captured is let be: it did not live through the run, and its name is taken.
 * So is one that was captured under another name.
 */
function isAnother(tree: Tree, from: Bytes, known: FrozenEntry): boolean {
  try {
    const { dev, ino, birthtimeNs } = tree.fs.lstat(from);
    if (known.type !== "file" || (ino === known.ino && dev === known.dev)) return false;
    if (birthtimeNs >= BigInt(Math.floor(known.at) + 1) * 1_000_000n) return false;
    for (const entry of tree.entries.values()) {
      if (entry.type !== "file" || entry.ino !== ino || entry.dev !== dev) continue;
      // A third file may take that name too: this directory is looked at again.
      const listing = tree.listings.get(parentOf(known.path));
      if (listing) listing.lost = true;
      return false;
    }
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESTALE")) return false;
    throw error;
  }
}

async function captureName(
  tree: Tree,
  path: Bytes,
  from: Bytes,
  listed: Kind,
  looks = 0,
): Promise<"directory" | "done"> {
  const kind = listed === "unknown" ? look(tree, path, from) : listed;
  const rule = kind && tree.selection.ofName(path, kind);
  if (rule !== undefined) {
    skip(tree, path, "excluded", rule);
    return "done";
  }
  switch (kind) {
    case "directory":
      return "directory";
    case "symlink":
      captureSymlink(tree, path, from);
      return "done";
    case "special":
      skip(tree, path, "special");
      return "done";
    case "file":
      if ((await captureFile(tree, path, from)) === "done") return "done";
      if (looks < LOOKS) return captureName(tree, path, from, "unknown", looks + 1);
      lose(tree, path);
      return "done";
    default:
      return "done";
  }
}

/** What a name stands for now; undefined where it is gone or out of reach, which is noted. */
function look(tree: Tree, path: Bytes, from: Bytes): Kind | undefined {
  try {
    return tree.fs.lstat(from).kind;
  } catch (error) {
    noteFailure(tree, path, error);
    return undefined;
  }
}

async function captureFile(tree: Tree, path: Bytes, from: Bytes): Promise<"done" | "other"> {
  const absolute = tree.pathOf(path);
  if (tree.databases.isSidecar(absolute)) {
    skip(tree, path, "excluded", SIDECAR_RULE);
    return "done";
  }
  const known = tree.databases.known(absolute);
  if (known) return captureKnown(tree, path, from, known);
  return captureAs(tree, path, from, tree.method);
}

/** Captures what is at `from` by a method; `kept` says that it is a database which is taken as bytes. */
export async function captureAs(
  tree: Tree,
  path: Bytes,
  from: Bytes,
  method: CapturedFile["method"],
  kept: Kept = {},
): Promise<"done" | "other"> {
  const captured =
    (method === "copy" ? copiedBefore(tree, from) : undefined) ?? capture(tree.fs, tree.stage, method, from, tree.now);
  if (captured.status !== "copy") return note(tree, path, captured, kept);
  const options = { ...tree.quiet, appended: isAppended(path), coarseClock: tree.stage.coarseClock };
  await tree.copies.add(async () => {
    const copied = await copyOpen(tree.fs, tree.stage, captured, options);
    if ((await note(tree, path, copied, kept)) === "other") lose(tree, path);
  });
  return "done";
}

/**
 * The copy that there is of a file, made when it went by another name: where directories are renamed all the time,
 * copying their files again and again would never end.
 */
function copiedBefore(tree: Tree, from: Bytes): CapturedFile | undefined {
  if (tree.copied.size === 0) return undefined;
  try {
    const stat = tree.fs.lstat(from);
    const known = tree.copied.get(stat.ino);
    if (known?.birthtimeNs !== stat.birthtimeNs || known.captured.stat.dev !== stat.dev) return undefined;
    return unchanged(known.captured.stat, stat) ? { ...known.captured, stat } : undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESTALE", "ENOTDIR", "EACCES", "EPERM", "EIO")) return undefined;
    throw error;
  }
}

/** Remembers a copy whose stamps prove that it is what the file still is for as long as they stay. */
function rememberCopy(tree: Tree, captured: CapturedFile): void {
  const { method, verdict, stat, at } = captured;
  if (method !== "copy" || verdict !== "exact") return;
  if (ageMs(stat, at) < quietAfterMs(tree.stage.coarseClock)) return;
  tree.copied.set(stat.ino, { captured, birthtimeNs: stat.birthtimeNs });
}

/** What else is known of a file whose bytes were captured. */
type Kept = Pick<FrozenFile, "verdict" | "reason">;

async function note(
  tree: Tree,
  path: Bytes,
  captured: Exclude<ReturnType<typeof capture>, { status: "copy" }>,
  kept: Kept,
): Promise<"done" | "other"> {
  switch (captured.status) {
    case "captured":
      if (kept.reason === undefined && isDatabase(tree.fs, captured.staged, captured.stat.size)) {
        await noteDatabase(tree, path, captured);
      } else keep(tree, path, captured, kept);
      return "done";
    case "skipped":
      if (captured.reason === "vanished") lose(tree, path);
      else skip(tree, path, captured.reason, captured.detail);
      return "done";
    case "other":
      return "other";
  }
}

function keep(tree: Tree, path: Bytes, captured: CapturedFile, kept: Kept): void {
  const { stat, method, staged, at, verdict } = captured;
  const { mode, uid, gid, mtimeNs, size, dev, ino } = stat;
  const file: FrozenFile = {
    ...{ type: "file", source: tree.source, path, mode, uid, gid, mtimeNs, size, dev, ino, method, staged, at },
    ...(verdict && { verdict }),
    ...kept,
  };
  if (method === "link") tree.links.linked(stat);
  if (kept.reason === undefined) rememberCopy(tree, captured);
  if (tree.links.own(stat) > 1) tree.manyNamed.set(file, identityOf(stat));
  replace(tree, path, file);
}

/** A name that stood for a database when they were pinned. */
async function captureKnown(tree: Tree, path: Bytes, from: Bytes, known: KnownDatabase): Promise<"done" | "other"> {
  let stat: Stat;
  try {
    stat = tree.fs.lstat(from);
  } catch (error) {
    noteFailure(tree, path, error);
    return "done";
  }
  if (stat.kind !== "file") return "other";
  const same = stat.ino === known.ino && stat.dev === known.dev;
  if (!same && !isDatabase(tree.fs, from, stat.size)) return captureAs(tree, path, from, tree.method);
  const { outcome, staged } = same ? known : await tree.databases.pin(tree.pathOf(path), stat, tree.stage);
  if (isKeptAsBytes(outcome)) {
    return captureAs(tree, path, from, tree.method, { verdict: "unstable", reason: outcome.reason });
  }
  keepDatabase(tree, path, stat, outcome, staged);
  return "done";
}

/** A database that turned up during the walk: what was captured of it gives way to a pin. */
async function noteDatabase(tree: Tree, path: Bytes, captured: CapturedFile): Promise<void> {
  const { outcome, staged } = await tree.databases.pin(tree.pathOf(path), captured.stat, tree.stage);
  if (isKeptAsBytes(outcome)) {
    keep(tree, path, captured, { verdict: "unstable", reason: outcome.reason });
    return;
  }
  tree.fs.unlink(captured.staged);
  const ours = captured.method === "link" ? 1 : 0;
  keepDatabase(tree, path, { ...captured.stat, nlink: captured.stat.nlink - ours }, outcome, staged);
}

type AsBytes = Extract<PinOutcome, { readonly reason: string }> & { readonly status: "not-a-database" | "unreadable" };

function isKeptAsBytes(outcome: PinOutcome): outcome is AsBytes {
  return outcome.status === "not-a-database" || outcome.status === "unreadable";
}

function keepDatabase(tree: Tree, path: Bytes, stat: Stat, outcome: Exclude<PinOutcome, AsBytes>, staged: Bytes): void {
  if (outcome.status === "vanished") lose(tree, path);
  else if (outcome.status !== "pinned") skip(tree, path, "unreadable", outcome.reason);
  else {
    const { mode, uid, gid, mtimeNs, size, dev, ino } = stat;
    const file: FrozenFile = {
      ...{ type: "file", source: tree.source, path, mode, uid, gid, mtimeNs, size, dev, ino, staged },
      ...{ method: "database", verdict: "exact", at: outcome.database.pinnedAt },
    };
    if (tree.links.own(stat) > 1) tree.manyNamed.set(file, identityOf(stat));
    replace(tree, path, file);
  }
}

function captureSymlink(tree: Tree, path: Bytes, from: Bytes): void {
  try {
    const target = tree.fs.readlink(from);
    const { mode, uid, gid, mtimeNs } = tree.fs.lstat(from);
    replace(tree, path, { type: "symlink", source: tree.source, path, mode, uid, gid, mtimeNs, target });
  } catch (error) {
    // EINVAL: it was a link when it was listed, and is none now.
    if (isErrno(error, "EINVAL")) lose(tree, path);
    else noteFailure(tree, path, error);
  }
}

function noteFailure(tree: Tree, path: Bytes, error: unknown): void {
  if (isErrno(error, "ENOENT", "ESTALE", "ENOTDIR")) lose(tree, path);
  else if (isErrno(error, "EACCES", "EPERM", "EIO", "ENOTCONN")) skip(tree, path, "unreadable", error.code);
  else throw error;
}

/**
 * Puts an entry in the place of what was known of its name; where that was a directory, all below it is gone too. What is
 * displaced may live on under a name that was not there when we looked, as if it had been lost.
 */
function replace(tree: Tree, path: Bytes, entry: FrozenEntry): void {
  const known = tree.entries.get(path);
  if (known?.type === "file" && !(entry.type === "file" && entry.ino === known.ino && entry.dev === known.dev)) {
    const dead = known.method === "link" && tree.links.own(tree.fs.lstat(known.staged)) === 0;
    if (!dead) tree.lost++;
  }
  if (known?.type === "directory") {
    tree.lost++;
    for (const seen of [...tree.entries.keys()]) if (seen.startsWith(`${path}/`)) tree.entries.delete(seen);
    for (const seen of [...tree.listings.keys()]) {
      if (seen === path || seen.startsWith(`${path}/`)) tree.listings.delete(seen);
    }
  }
  tree.entries.set(path, entry);
}

function skip(tree: Tree, path: Bytes, reason: SkipReason, detail?: string): void {
  replace(tree, path, { type: "skip", source: tree.source, path, reason, ...(detail && { detail }) });
}

/** A name that was listed and could not be captured: what it stood for may be under another name by now. */
function lose(tree: Tree, path: Bytes): void {
  tree.lost++;
  const listing = tree.listings.get(parentOf(path));
  if (listing) listing.lost = true;
  if (!tree.entries.has(path)) skip(tree, path, "vanished");
}
