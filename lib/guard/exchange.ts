import { parentOf, textOf, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno, isOfDisk } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { secondsOf } from "../restore/attributes.js";
import { makeDirectory } from "../vault/output.js";
import { syncDirectory } from "../vault/publish.js";
import type { Move } from "./journal.js";

/**
 * Does those of the renames that are not done, and makes them last: nothing is put in before what was there is aside for
 * good. Where it ends in the middle it can be called again.
 * @returns what was left where it is, in words
 */
export async function exchange(fs: Filesystem, moves: readonly Move[]): Promise<string[]> {
  const left: string[] = [];
  let touched = new Set<Bytes>();
  for (const [index, move] of moves.entries()) {
    if (move.kind !== moves[index - 1]?.kind) touched = await synced(fs, touched);
    const problem = perform(fs, move);
    if (problem !== undefined) left.push(problem);
    touched.add(directoryOf(move.from)).add(directoryOf(move.to));
  }
  await synced(fs, touched);
  return left;
}

async function synced(fs: Filesystem, directories: ReadonlySet<Bytes>): Promise<Set<Bytes>> {
  // A command may have put a link in the place of a directory on the way.
  for (const path of directories) if (isThere(fs, path)) await syncDirectory(fs, fs.realpath(path));
  return new Set();
}

function perform(fs: Filesystem, move: Move): string | undefined {
  const { from, to } = move;
  switch (move.kind) {
    case "aside":
      if (!isThere(fs, from) || isThere(fs, to)) return undefined;
      makeDirectory(fs, directoryOf(to));
      fs.rename(from, to);
      return undefined;
    case "in":
      if (isThere(fs, from)) return putIn(fs, from, to, move.aside);
      if (isThere(fs, to)) return undefined;
      throw new HoldstillError("io", "what was to be put back is gone", { path: textOf(from) });
    case "carry":
      return isThere(fs, from) ? carry(fs, from, to) : undefined;
  }
}

/** A service that was started again makes a state of its own where it finds none. */
function putIn(fs: Filesystem, from: Bytes, to: Bytes, aside: Bytes): undefined {
  if (isThere(fs, to)) {
    let name = aside;
    for (let number = 2; isThere(fs, name); number++) name = `${aside}-${number}` as Bytes;
    makeDirectory(fs, directoryOf(name));
    fs.rename(to, name);
  }
  makeDirectory(fs, directoryOf(to));
  fs.rename(from, to);
}

function carry(fs: Filesystem, from: Bytes, to: Bytes): string | undefined {
  const stays = (why: string): string => `${textOf(from)} stays where it is: ${why}`;
  if (isThere(fs, to)) return stays(`there is ${textOf(to)}`);
  const parent = directoryOf(to);
  try {
    const { mtimeNs } = fs.lstat(parent);
    fs.rename(from, to);
    const seconds = secondsOf(mtimeNs);
    fs.utimes(parent, seconds, seconds);
    return undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EXDEV", "EBUSY", "EACCES", "EPERM")) return stays(error.message);
    throw error;
  }
}

function directoryOf(path: Bytes): Bytes {
  return parentOf(path) || ("/" as Bytes);
}

export function isThere(fs: Filesystem, path: Bytes): boolean {
  try {
    fs.lstat(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

/** The same where what cannot be looked at may be there. */
export function mayBeThere(fs: Filesystem, path: Bytes): boolean {
  try {
    return isThere(fs, path);
  } catch (error) {
    if (!isOfDisk(error)) throw error;
    return true;
  }
}
