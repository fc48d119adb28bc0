import { nameOf, parentOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { removeTree } from "../stage/leftovers.js";
import type { Place } from "./journal.js";

/** The directory of holdstill's own that holds what is put beside a place. */
export function containerOf({ fresh, how, type }: Place): Bytes {
  return how === "rename" && type === "file" ? parentOf(fresh) : fresh;
}

/** Where what a restore point cannot clone is restored, before it is moved into it. */
export function partOf(place: Place): Bytes {
  return `${containerOf(place)}.part` as Bytes;
}

/** Removes what was put beside places and is not needed any more. */
export function dropFresh(fs: Filesystem, places: readonly Place[]): void {
  for (const place of places) {
    removeTree(fs, containerOf(place));
    removeTree(fs, partOf(place));
    if (place.how === "contents") removeEmpty(fs, parentOf(place.fresh));
  }
}

/** Removes the directories that the exchange has emptied; where anything is in one, it stays. */
export function dropEmpty(fs: Filesystem, places: readonly Place[]): void {
  for (const place of places) {
    if (place.how === "contents" || place.type === "file") removeEmpty(fs, containerOf(place));
  }
}

/** Removes a directory with the directories in it; where anything else is in one, that stays. */
export function removeEmpty(fs: Filesystem, path: Bytes): void {
  try {
    for (const { name, kind } of fs.list(path)) if (kind === "directory") removeEmpty(fs, under(path, name));
    fs.rmdir(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "ENOTEMPTY", "EEXIST", "EACCES")) throw error;
  }
}

/** What was moved aside from a place, in however many attempts. */
export function failedTrees(fs: Filesystem, { failed }: Pick<Place, "failed">): Bytes[] {
  const names = listed(fs, parentOf(failed));
  const own = nameOf(failed);
  return names
    .filter((name) => name === own || (name.startsWith(`${own}-`) && /^\d+$/.test(name.slice(own.length + 1))))
    .map((name) => under(parentOf(failed), name));
}

function listed(fs: Filesystem, path: Bytes): Bytes[] {
  try {
    return fs.list(path || ("/" as Bytes)).map(({ name }) => name);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}
