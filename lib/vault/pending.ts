import { bytesOf, textOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { makeDirectory } from "./output.js";

/*
 * What is yet to be uploaded: an empty file for each archive and place, by the archive's name and a digest of the
 * place. Only for who holds the lock of the archive directory.
 */

function directoryOf(vault: Bytes): Bytes {
  return under(vault, bytesOf(".holdstill/uploads"));
}

function markOf(vault: Bytes, name: string, place: string): Bytes {
  return under(directoryOf(vault), bytesOf(`${name}.${place}`));
}

/** Notes that an archive is to be uploaded. */
export function addPending(fs: Filesystem, vault: Bytes, name: string, place: string): void {
  makeDirectory(fs, directoryOf(vault));
  try {
    fs.close(fs.create(markOf(vault, name, place), 0o600));
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

export function removePending(fs: Filesystem, vault: Bytes, name: string, place: string): void {
  unlinkIfThere(fs, markOf(vault, name, place));
}

/** The archives that are to be uploaded to a place, in the order of their names. */
export function pendingFor(fs: Filesystem, vault: Bytes, place: string): string[] {
  const ending = `.${place}`;
  try {
    return fs
      .list(directoryOf(vault))
      .map(({ name }) => textOf(name))
      .filter((name) => name.endsWith(ending))
      .map((name) => name.slice(0, -ending.length))
      .sort();
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    return [];
  }
}
