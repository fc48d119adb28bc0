import { closeSync, constants, fstatSync, lstatSync, openSync } from "node:fs";
import { nameOf, parentOf, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";

/** A path as SQLite and Node's `fs` both take it, whatever its bytes. */
export function native(path: Bytes): Buffer {
  return Buffer.from(path, "latin1");
}

/** A database file as the search for databases saw it: its path may lead elsewhere by now. */
export interface Place {
  readonly path: Bytes;
  readonly dev: number;
  readonly ino: number;
}

const DESCRIPTORS = "/proc/self/fd";
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const hasDescriptors = lstatSync(DESCRIPTORS, { throwIfNoEntry: false }) !== undefined;

/**
 * Calls `act` with a path of the file by way of its directory, which is held open meanwhile: neither it nor its
 * sidecars can be swapped by renaming directories. Undefined where the path does not lead to that file any more.
 */
export function inPlace<T>({ path, dev, ino }: Place, act: (path: Bytes) => T): T | undefined {
  const directory = openUnlessGone(parentOf(path));
  if (directory === undefined) return undefined;
  try {
    const held = hasDescriptors ? (`${DESCRIPTORS}/${directory}/${nameOf(path)}` as Bytes) : path;
    const stat = lstatSync(native(held), { throwIfNoEntry: false });
    return stat?.isFile() && stat.dev === dev && stat.ino === ino ? act(held) : undefined;
  } finally {
    closeSync(directory);
  }
}

function openUnlessGone(directory: Bytes): number | undefined {
  try {
    return openSync(native(directory), DIRECTORY);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ESTALE")) return undefined;
    throw error;
  }
}

/** Opens for reading; neither follows a symbolic link nor waits for a FIFO's other end. */
export function openOnly<T>(path: Bytes, act: (fd: number, opened: Bytes) => T): T {
  const fd = openSync(native(path), READ);
  try {
    return act(fd, hasDescriptors ? (`${DESCRIPTORS}/${fd}` as Bytes) : path);
  } finally {
    closeSync(fd);
  }
}

/** Which file it is; rounded as in `Place`. */
export function fileOf({ dev, ino }: { readonly dev: number | bigint; readonly ino: number | bigint }): string {
  return `${Number(dev)}:${Number(ino)}`;
}

/** More than SQLite has open of one database at a time: four. */
const MOST_OPENED = 8;

/** The descriptors that what is opened next will have: they are always the lowest that are free. */
export function nextDescriptors(): readonly number[] {
  const descriptors: number[] = [];
  try {
    while (descriptors.length < MOST_OPENED) descriptors.push(openSync("/", DIRECTORY));
    return descriptors;
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
}

/** What these descriptors have open, but for directories: see `fileOf`. */
export function filesBehind(descriptors: readonly number[]): string[] {
  return descriptors.flatMap((fd) => {
    try {
      const stat = fstatSync(fd);
      return stat.isDirectory() ? [] : [fileOf(stat)];
    } catch (error) {
      if (!isErrno(error, "EBADF")) throw error;
      return [];
    }
  });
}
