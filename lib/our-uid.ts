import type { Bytes } from "./bytes.js";
import { isErrno } from "./errors.js";
import type { Filesystem } from "./filesystem.js";

/** Whose this process is; undefined where the system does not tell. */
export function ourUid(fs: Filesystem): number | undefined {
  try {
    // The link itself belongs to root.
    return fs.lstat("/proc/self/." as Bytes).uid;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
