import { parentOf, type Bytes } from "../bytes.js";
import { BROKEN, isErrno } from "../errors.js";
import type { Stat } from "../filesystem.js";
import type { FrozenEntry, FrozenFile, SkipReason } from "./entry.js";
import type { Tree } from "./tree.js";

/**
 * Puts an entry in the place of what was known of its name; where that was a directory, all below it is gone too. What is
 * displaced may live on under a name that was not there when we looked, as if it had been lost.
 */
export function note(tree: Tree, path: Bytes, entry: FrozenEntry): void {
  const known = tree.entries.get(path);
  if (known?.type === "file" && !(entry.type === "file" && entry.ino === known.ino && entry.dev === known.dev)) {
    if (!isDead(tree, known) && nameTaken(tree, known, path) === undefined) tree.lost++;
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

/** Whether no name of a file is left but ours. */
function isDead(tree: Tree, { method, staged }: FrozenFile): boolean {
  return method === "link" && tree.links.own(tree.fs.lstat(staged)) === 0;
}

/** The name, other than `path`, under which a file was captured, or is about to be. */
export function nameTaken(tree: Tree, { dev, ino }: Pick<Stat, "dev" | "ino">, path: Bytes): Bytes | undefined {
  for (const { path: other, stat } of tree.copying) {
    if (stat.ino === ino && stat.dev === dev && other !== path) return other;
  }
  for (const [other, entry] of tree.entries) {
    if (entry.type === "file" && entry.ino === ino && entry.dev === dev && other !== path) return other;
  }
  return undefined;
}

export function skip(tree: Tree, path: Bytes, reason: SkipReason, detail?: string): void {
  note(tree, path, { type: "skip", source: tree.source, path, reason, ...(detail && { detail }) });
}

/** A name that was listed and could not be captured: what it stood for may be under another name by now. */
export function lose(tree: Tree, path: Bytes): void {
  tree.lost++;
  const listing = tree.listings.get(parentOf(path));
  if (listing) listing.lost = true;
  if (!tree.entries.has(path)) skip(tree, path, "vanished");
}

/** What it means for a name that it could not be looked at. */
export function noteFailure(tree: Tree, path: Bytes, error: unknown): void {
  if (isErrno(error, "ENOENT", "ESTALE", "ENOTDIR")) lose(tree, path);
  else if (isErrno(error, "EACCES", "EPERM", ...BROKEN, "ENOTCONN")) skip(tree, path, "unreadable", error.code);
  else throw error;
}
