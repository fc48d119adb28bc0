import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { removeTree } from "../stage/leftovers.js";

/**
 * Removes a tree that was moved aside.
 * @throws HoldstillError `io` where something is mounted in it
 */
export function removeFailed(fs: Filesystem, path: Bytes, isMountBelow: (path: Bytes) => boolean): void {
  if (isMountBelow(path)) {
    throw new HoldstillError("io", "something is mounted in it, and it was left as it is", { path: textOf(path) });
  }
  if (fs.lstat(path).kind === "directory") removeTree(fs, path);
  else fs.unlink(path);
}
