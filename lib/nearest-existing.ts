import { parentOf, type Bytes } from "./bytes.js";
import { isErrno } from "./errors.js";
import type { Filesystem } from "./filesystem.js";

/** An absolute path, or the nearest directory above it that is there. */
export function nearestExisting(fs: Filesystem, path: Bytes): Bytes {
  if (path === "") return "/" as Bytes;
  try {
    fs.lstat(path);
    return path;
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    return nearestExisting(fs, parentOf(path));
  }
}
