import { parentOf, textOf, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { outputExists, unusable } from "./output.js";

/** Errors of a filesystem that has no hard links: exFAT, SMB and the like. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"] as const;

/**
 * Gives a finished, synced archive its final name, and never overwrites anything. Where the filesystem has no hard
 * links it is renamed: the lock keeps other runs from the name meanwhile.
 * @throws HoldstillError `output-exists`, `output-unusable`, `no-space`
 */
export async function publish(fs: Filesystem, partial: Bytes, final: Bytes): Promise<void> {
  const linked = linkTo(fs, partial, final);
  if (!linked) renameInto(fs, partial, final);
  try {
    if (linked) fs.unlink(partial);
    await syncDirectory(fs, parentOf(final));
  } catch (error) {
    // A final name means finished, and this one may not last.
    fs.unlink(final);
    throw unusable(final, error);
  }
}

/** False where the filesystem has no hard links. */
function linkTo(fs: Filesystem, partial: Bytes, final: Bytes): boolean {
  try {
    fs.link(partial, final);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) throw outputExists(textOf(final));
    if (isErrno(error, ...NO_LINKS)) return false;
    throw unusable(final, error);
  }
}

function renameInto(fs: Filesystem, partial: Bytes, final: Bytes): void {
  try {
    fs.lstat(final);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw unusable(final, error);
    try {
      return fs.rename(partial, final);
    } catch (refusal) {
      throw unusable(final, refusal);
    }
  }
  throw outputExists(textOf(final));
}

/** Makes the names in a directory last. Some filesystems cannot, and say EINVAL. */
export async function syncDirectory(fs: Filesystem, path: Bytes): Promise<void> {
  const fd = opened(fs, path === "" ? ("/" as Bytes) : path);
  try {
    await fs.sync(fd);
  } catch (error) {
    if (!isErrno(error, "EINVAL", "ENOTSUP")) throw unusable(path, error);
  } finally {
    fs.close(fd);
  }
}

function opened(fs: Filesystem, directory: Bytes): number {
  try {
    return fs.openDirectory(directory);
  } catch (error) {
    throw unusable(directory, error);
  }
}
