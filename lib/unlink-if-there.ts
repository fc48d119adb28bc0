import type { Bytes } from "./bytes.js";
import { isErrno } from "./errors.js";
import type { Filesystem } from "./filesystem.js";

/** Removes a file that may be gone already. */
export function unlinkIfThere(fs: Filesystem, path: Bytes): void {
  try {
    fs.unlink(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}
