import { below, nameOf, parentOf, under, type Bytes } from "../bytes.js";
import { BROKEN, isErrno } from "../errors.js";
import type { Kind, Listed } from "../filesystem.js";
import type { FrozenEntry } from "./entry.js";
import { keep, keepLater } from "./keep.js";
import { lose, nameTaken, note, skip } from "./note.js";
import { take, type Taken } from "./take.js";
import type { Listing, Tree } from "./tree.js";

/** So often is a root that is a file looked at. */
const LOOKS = 3;

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
    await keep(tree, take(tree, ROOT, under(tree.descent.enter(ROOT).base, name), "unknown"));
    await tree.copies.done();
  }
}

/**
 * Lists one directory and captures the names in it that are new, or stand for another file than they did.
 * @returns the directories in it that have not been visited
 */
export async function visit(tree: Tree, path: Bytes): Promise<Bytes[]> {
  await tree.copies.makeRoom();
  const opened = list(tree, path);
  if (!opened) return [];
  const { base, names, listing } = opened;
  const again = tree.listings.has(path);
  tree.listings.set(path, listing);
  const directories: Bytes[] = [];
  const looked = new Set<Bytes>(again ? [] : [path]);
  const rest = again ? newFirst(tree, path, names) : names;
  for (let next = 0; next < rest.length;) {
    // Nothing is waited for between the listing and this, for as many names as possible.
    const group = rest.slice(next, (next += Math.max(1, tree.copies.room())));
    const held: Taken[] = [];
    for (const { name, kind } of group) {
      const child = below(path, name);
      const from = `${base}/${name}` as Bytes;
      if (isOwnStage(tree, child) || (again && !isNew(tree, child, from, kind))) continue;
      looked.add(child);
      const taken = take(tree, child, from, kind);
      if (taken.status === "directory") directories.push(child);
      else if (taken.status === "open") keepLater(tree, taken);
      else if (taken.status !== "noted") held.push(taken);
    }
    for (const taken of held) await keep(tree, taken);
    await tree.breathe(group.length);
    if (next < rest.length) await tree.copies.makeRoom();
  }
  if (tree.descent.isInPlace()) return directories;
  giveBack(tree, path, looked);
  return [];
}

/** A name that was not there before may not be there for long; looking at all the others takes a while. */
function newFirst(tree: Tree, path: Bytes, names: readonly Listed[]): Listed[] {
  const known: Listed[] = [];
  const unknown: Listed[] = [];
  for (const each of names) (tree.entries.has(below(path, each.name)) ? known : unknown).push(each);
  return [...unknown, ...known];
}

/**
 * Forgets what was taken of a directory that was moved meanwhile: some of it may never have been there under this path.
 * Where the directory is now it is found when its new parent is listed again.
 */
function giveBack(tree: Tree, path: Bytes, taken: ReadonlySet<Bytes>): void {
  for (const copying of tree.copying) if (taken.has(copying.path)) tree.copying.delete(copying);
  for (const each of taken) {
    tree.entries.delete(each);
    tree.listings.delete(each);
  }
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
      const own = path === ROOT ? tree.stage.rootMtime(mtimeNs) : mtimeNs;
      note(tree, path, { type: "directory", source, path, mode, uid, gid, mtimeNs: own });
    }
    return { base, names, listing: { ino, mtimeNs, listedAt, lost: false, gone: false } };
  } catch (error) {
    // Without its root there would be nothing in the archive.
    if (path === ROOT && !tree.entries.has(ROOT)) throw error;
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ESTALE")) {
      if (tree.entries.get(path)?.type !== "directory") lose(tree, path);
    } else if (isErrno(error, "EACCES", "EPERM", ...BROKEN, "ENOTCONN", "ENAMETOOLONG")) {
      if (tree.entries.get(path)?.type !== "directory") skip(tree, path, "unreadable", error.code);
      // What was renamed into it cannot be seen: the tree is not settled.
      else if (isErrno(error, ...BROKEN, "ENOTCONN")) lose(tree, path);
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
 * One that was born during the run is let be: it did not live through it, and its name is taken. So is one that was
 * captured under another name.
 */
function isAnother(tree: Tree, from: Bytes, known: FrozenEntry): boolean {
  try {
    const { dev, ino, birthtimeNs } = tree.fs.lstat(from);
    if (known.type !== "file" || (ino === known.ino && dev === known.dev)) return false;
    if (birthtimeNs >= tree.beganNs) return false;
    const other = nameTaken(tree, { dev, ino }, known.path);
    if (other === undefined) return true;
    // A third file may take that name too: the directory of this one is looked at again.
    const listing = tree.listings.get(parentOf(known.path));
    if (listing) listing.lost = true;
    return false;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESTALE")) return false;
    throw error;
  }
}
