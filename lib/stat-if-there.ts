import type { Bytes } from "./bytes.js";
import { isErrno } from "./errors.js";
import type { Filesystem, Stat } from "./filesystem.js";

/** What is at a path, and no link followed; undefined where nothing is. */
export function statIfThere(fs: Filesystem, path: Bytes): Stat | undefined {
  try {
    return fs.lstat(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    return undefined;
  }
}
