import { isArchiveName } from "../archive/name.js";
import { textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem, Stat } from "../filesystem.js";
import { catalogDirectory } from "./catalog.js";

/**
 * Removes an archive: the file that was looked at, and no other that has its name by now.
 * @throws HoldstillError `io`, and the errors of the disk
 */
export function removeArchive(fs: Filesystem, path: Bytes, looked: Stat): void {
  try {
    if (!isSame(fs.lstat(path), looked)) {
      throw new HoldstillError("io", "it is not the file that was looked at", { path: textOf(path) });
    }
    fs.unlink(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

function isSame(a: Stat, b: Stat): boolean {
  return a.kind === b.kind && a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

/** What the catalog keeps of an archive: its index, its summary, its digest. */
const COPY = /^(.+)\.(?:jsonl\.gz(?:\.age)?|json|sha256)$/s;

/**
 * What the catalog keeps of archives that are not there: of those that were just removed, and of those whose removal
 * was interrupted. Only for who holds the lock of the archive directory.
 */
export function orphans(fs: Filesystem, directory: Bytes): Bytes[] {
  const catalog = catalogDirectory(directory);
  const there = new Set<string>(fs.list(directory).map(({ name }) => name));
  return copiesIn(fs, catalog).flatMap((name) => {
    const [, archive] = COPY.exec(name) ?? [];
    return archive === undefined || !isArchiveName(archive) || there.has(archive) ? [] : [under(catalog, name)];
  });
}

/** Never those in a directory elsewhere that a link leads to. */
function copiesIn(fs: Filesystem, catalog: Bytes): Bytes[] {
  try {
    if (fs.lstat(catalog).kind !== "directory") return [];
    return fs.list(catalog).flatMap(({ name, kind }) => (kind === "file" ? [name] : []));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) throw error;
    return [];
  }
}
