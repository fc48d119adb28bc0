import { bytesOf, textOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { makeDirectory } from "./output.js";

/*
 * What is yet to be uploaded: an empty file for each archive and place, by the archive's name, a digest of the place and
 * a token. Only for who holds the lock of the archive directory.
 */

/** An archive that is to be uploaded. */
export interface Pending {
  readonly name: string;
  /** Random: of this upload and no other, here or on another machine. */
  readonly token: string;
}

const DIRECTORY = ".holdstill/uploads";

function directoryOf(vault: Bytes): Bytes {
  return under(vault, bytesOf(DIRECTORY));
}

/** The path of what notes it in the archive directory. */
export function markOf({ name, token }: Pending, place: string): string {
  return `${DIRECTORY}/${name}.${place}.${token}`;
}

/** Notes that an archive is to be uploaded, unless that is noted already. */
export function addPending(fs: Filesystem, vault: Bytes, pending: Pending, place: string): void {
  if (pendingFor(fs, vault, place).some(({ name }) => name === pending.name)) return;
  makeDirectory(fs, directoryOf(vault));
  fs.close(fs.create(under(vault, bytesOf(markOf(pending, place))), 0o600));
}

export function removePending(fs: Filesystem, vault: Bytes, pending: Pending, place: string): void {
  unlinkIfThere(fs, under(vault, bytesOf(markOf(pending, place))));
}

/** The archives that are to be uploaded to a place, in the order of their names. */
export function pendingFor(fs: Filesystem, vault: Bytes, place: string): Pending[] {
  const mark = new RegExp(`^(.+)\\.${place}\\.([0-9a-f]+)$`, "s");
  try {
    return fs
      .list(directoryOf(vault))
      .flatMap(({ name: file }) => {
        const [, name, token] = mark.exec(textOf(file)) ?? [];
        return name === undefined || token === undefined ? [] : [{ name, token }];
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    return [];
  }
}
