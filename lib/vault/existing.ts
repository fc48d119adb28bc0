import { bytesOf, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { directoriesOf } from "./archives.js";

/**
 * The archive directory that is meant, or, where none is named, those of the default ones that are there.
 * @throws HoldstillError `no-archive` where none is
 */
export function existingDirectories(output: string | undefined, around: Parameters<typeof directoriesOf>[1]): string[] {
  const directories = directoriesOf(output, around);
  const existing = directories.filter((directory) => isDirectory(around.fs, bytesOf(directory)));
  if (existing.length > 0) return existing;
  throw new HoldstillError("no-archive", "there is no archive directory", {
    path: directories.join(", "),
    hint: "Name the archive directory with --output.",
  });
}

function isDirectory(fs: Filesystem, path: Bytes): boolean {
  try {
    return fs.lstat(fs.realpath(path)).kind === "directory";
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG")) throw error;
    return false;
  }
}
