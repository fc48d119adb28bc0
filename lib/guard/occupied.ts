import { under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";

/** The sizes of all files below a path, or of the file itself. What cannot be looked at is not counted. */
export function occupied(fs: Filesystem, path: Bytes): number {
  try {
    const { kind, size } = fs.lstat(path);
    if (kind !== "directory") return kind === "file" ? size : 0;
    let sum = 0;
    const waiting = [path];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) sum += filesIn(fs, at, waiting);
    return sum;
  } catch (error) {
    if (isErrno(error, "ENOENT", "EACCES", "EPERM")) return 0;
    throw error;
  }
}

function filesIn(fs: Filesystem, directory: Bytes, deeper: Bytes[]): number {
  let sum = 0;
  try {
    for (const { name, kind } of fs.list(directory)) {
      const path = under(directory, name);
      if (kind === "directory") deeper.push(path);
      else if (kind === "file") sum += fs.lstat(path).size;
    }
  } catch (error) {
    if (!isErrno(error, "ENOENT", "EACCES", "EPERM")) throw error;
  }
  return sum;
}
