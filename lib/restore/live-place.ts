import { parentOf, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";

/** What is now where something was when it was backed up. */
export interface LivePlace {
  readonly isThere: boolean;
  readonly hasParent: boolean;
  /** Where nothing is yet, beside it. */
  readonly aside: Bytes;
}

export function livePlace(fs: Filesystem, path: Bytes): LivePlace {
  const parent = parentOf(path) === "" ? ("/" as Bytes) : parentOf(path);
  let aside = `${path}.before-restore` as Bytes;
  for (let number = 2; isThere(fs, aside); number++) aside = `${path}.before-restore-${number}` as Bytes;
  return { isThere: isThere(fs, path), hasParent: isThere(fs, parent), aside };
}

function isThere(fs: Filesystem, path: Bytes): boolean {
  try {
    fs.lstat(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG")) return false;
    throw error;
  }
}
