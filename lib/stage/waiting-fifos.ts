import { closeSync, constants, lstatSync, openSync } from "node:fs";
import type { Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";

/** Longer than it takes to pin databases that nobody has locked, in milliseconds. */
const PATIENCE = 500;

const OTHER_END = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * SQLite waits for the other end of a FIFO that came to be where a database was, and nothing ends that but somebody who
 * opens it. This does, for as long as it is not stopped; nothing is written.
 * @returns what stops it
 */
export function freeWhoWaits(paths: readonly Bytes[]): () => void {
  const timer = setInterval(() => {
    for (const path of paths) free(Buffer.from(path, "latin1"));
  }, PATIENCE);
  return () => clearInterval(timer);
}

function free(path: Buffer): void {
  try {
    if (lstatSync(path).isFIFO()) closeSync(openSync(path, OTHER_END));
  } catch (error) {
    // ENXIO: nobody waits there.
    if (!isErrno(error, "ENXIO", "ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EPERM")) throw error;
  }
}
