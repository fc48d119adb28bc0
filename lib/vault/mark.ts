import type { Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { parseOwner, type Owner } from "./owner.js";

/** A small file that names an owner, as it was read. */
export interface Mark {
  readonly path: Bytes;
  /** The owner's, or, of a mark that names none, one made of its mtime. */
  readonly id: string;
  readonly owner: Owner | undefined;
  /** When the owner last gave a sign of life, in milliseconds of the epoch. */
  readonly touchedMs: number;
}

const MARK_BYTES = 4096;

/** Reads a mark; undefined if there is none. */
export function look(fs: Filesystem, path: Bytes): Mark | undefined {
  let fd: number;
  try {
    fd = fs.openRead(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    return undefined;
  }
  try {
    const { mtimeNs } = fs.fstat(fd);
    const owner = parseOwner(read(fs, fd));
    return { path, id: owner?.id ?? `nameless-${mtimeNs}`, owner, touchedMs: Number(mtimeNs / 1_000_000n) };
  } finally {
    fs.close(fd);
  }
}

function read(fs: Filesystem, fd: number): string {
  const buffer = Buffer.alloc(MARK_BYTES);
  let length = 0;
  while (length < MARK_BYTES) {
    const count = fs.read(fd, buffer, length, MARK_BYTES - length, length);
    if (count === 0) break;
    length += count;
  }
  return buffer.toString("utf8", 0, length);
}

/** Writes a mark that must not exist yet (EEXIST), readable by its user only. */
export function write(fs: Filesystem, path: Bytes, owner: Owner): void {
  const data = Buffer.from(`${JSON.stringify(owner)}\n`);
  const fd = fs.create(path, 0o600);
  try {
    try {
      for (let done = 0; done < data.length;) done += fs.write(fd, data.subarray(done));
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    remove(fs, path);
    throw error;
  }
}

/** Removes a mark, if it is there. */
export function remove(fs: Filesystem, path: Bytes): void {
  try {
    fs.unlink(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

/**
 * Makes `mine`, a mark that `owner` has written, known as `path` too; false if something is there already. Without
 * hard links the mark is written a second time, and for a moment names nobody.
 */
export function place(fs: Filesystem, mine: Bytes, path: Bytes, owner: Owner): boolean {
  try {
    fs.link(mine, path);
    return true;
  } catch (error) {
    // NFS repeats a request whose answer was lost, and then finds what it made itself.
    if (isErrno(error, "EEXIST")) return fs.lstat(mine).nlink > 1;
    if (!isErrno(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS")) throw error;
  }
  try {
    write(fs, path, owner);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
    return false;
  }
  return look(fs, path)?.id === owner.id;
}
