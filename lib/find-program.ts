import { isAbsolute, join } from "node:path";
import { bytesOf } from "./bytes.js";
import { isErrno } from "./errors.js";
import type { Filesystem } from "./filesystem.js";

/** Where a program is, in one of the directories of `path` (the PATH, colons and all); undefined where it is in none. */
export function findProgram(fs: Filesystem, name: string, path: string | undefined): string | undefined {
  const directories = (path ?? "").split(":").filter((directory) => isAbsolute(directory));
  return directories.map((directory) => join(directory, name)).find((file) => isProgram(fs, file));
}

export function isProgram(fs: Filesystem, file: string): boolean {
  try {
    const { kind, mode } = fs.lstat(fs.realpath(bytesOf(file)));
    return kind === "file" && (mode & 0o111) !== 0;
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG")) throw error;
    return false;
  }
}
