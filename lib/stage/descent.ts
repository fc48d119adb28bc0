import { nameOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";

/** Directories held open on the way down: more would meet a low `ulimit -n`, fewer would open parents again. */
const HELD = 24;

/** What Linux puts behind the path of a directory that was removed. */
const DELETED = " (deleted)";

/** The longest path, in bytes: beyond the 4096 of Linux, which trees may exceed; one that grows for ever meets it. */
const LONGEST = 1 << 15;

const DESCRIPTORS = "/proc/self/fd" as Bytes;

/**
 * Opens the directories below a root, each through the descriptor of its parent and none through a symbolic link.
 * Node has no `openat`; `/proc/self/fd/N/name` does the same, so that a directory swapped for a link while we walk
 * leads nowhere. Only where there is no `/proc` are plain paths used.
 */
export interface Descent {
  /** A path for the directory that stays good however it is renamed, until the next call. */
  readonly enter: (path: Bytes) => { readonly fd: number; readonly base: Bytes };
  /** Whether the directory that was entered last is where its path says, or nowhere: then nothing came into it since. */
  readonly isInPlace: () => boolean;
  readonly close: () => void;
}

export function hasDescriptorPaths(fs: Filesystem): boolean {
  try {
    return fs.lstat(DESCRIPTORS).kind === "directory";
  } catch {
    return false;
  }
}

/** The path of what a descriptor has open. */
export function pathOfDescriptor(fd: number): Bytes {
  return `${DESCRIPTORS}/${fd}` as Bytes;
}

/**
 * Opens the root of a source.
 * @throws HoldstillError `source-missing` where it is not there any more, or may not be read
 */
export function openRoot(fs: Filesystem, root: Bytes): number {
  try {
    return fs.openDirectory(root);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EPERM")) throw error;
    const gone = !isErrno(error, "EACCES", "EPERM");
    throw new HoldstillError("source-missing", gone ? "the source is gone" : "the source may not be read", {
      path: textOf(root),
      hint: gone
        ? "Make sure that nothing moves or removes it during a backup."
        : "Run holdstill as the user who owns it.",
      cause: error,
    });
  }
}

/**
 * Goes down into a source. A directory whose path is over 32 KiB is not entered (`ENAMETOOLONG`): so a tree that grows
 * deeper while it is walked has an end.
 */
export function descent(fs: Filesystem, root: Bytes, viaDescriptors: boolean): Descent {
  const down = descend(fs, root, viaDescriptors, openRoot(fs, root));
  return {
    ...down,
    enter(path) {
      if (path.length > LONGEST) throw tooLong(path);
      return down.enter(path);
    },
  };
}

function tooLong(path: Bytes): Error {
  return Object.assign(new Error(`ENAMETOOLONG: the path is too long: ${textOf(path)}`), { code: "ENAMETOOLONG" });
}

/** Goes down into a directory of our own. That it cannot be opened says nothing of a source. */
export function descentInto(fs: Filesystem, root: Bytes): Descent {
  return descend(fs, root, hasDescriptorPaths(fs), fs.openDirectory(root));
}

function descend(fs: Filesystem, root: Bytes, viaDescriptors: boolean, rootFd: number): Descent {
  const held: { path: Bytes; fd: number }[] = [{ path: "." as Bytes, fd: rootFd }];
  const baseOf = (path: Bytes, fd: number): Bytes => (viaDescriptors ? pathOfDescriptor(fd) : under(root, path));

  const isAbove = (ancestor: Bytes, path: Bytes): boolean =>
    ancestor === "." || path === ancestor || path.startsWith(`${ancestor}/`);

  const deepest = (): { path: Bytes; fd: number } => {
    const top = held.at(-1);
    if (!top) throw new Error("the descent is closed");
    return top;
  };

  /** The same where its path is longer than Linux tells: by going there again. */
  const leadsTo = (top: number, path: Bytes, fd: number): boolean => {
    const { nlink, dev, ino } = fs.fstat(fd);
    if (nlink === 0) return true;
    const again = descend(fs, root, viaDescriptors, fs.openDirectory(`${pathOfDescriptor(top)}/.` as Bytes));
    try {
      const found = fs.fstat(again.enter(path).fd);
      return found.dev === dev && found.ino === ino;
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return false;
      throw error;
    } finally {
      again.close();
    }
  };

  return {
    enter(path) {
      while (!isAbove(deepest().path, path)) fs.close((held.pop() ?? deepest()).fd);
      while (deepest().path !== path) {
        const above = deepest();
        const start = above.path === "." ? 0 : above.path.length + 1;
        const slash = path.indexOf("/", start);
        const next = (slash < 0 ? path : path.slice(0, slash)) as Bytes;
        held.push({ path: next, fd: fs.openDirectory(`${baseOf(above.path, above.fd)}/${nameOf(next)}` as Bytes) });
        if (held.length > HELD) for (const { fd } of held.splice(1, 1)) fs.close(fd);
      }
      const { fd } = deepest();
      return { fd, base: baseOf(path, fd) };
    },
    isInPlace() {
      if (!viaDescriptors) return true;
      const whereIs = (fd: number): Bytes => fs.readlink(pathOfDescriptor(fd));
      const [top] = held;
      const { path, fd } = deepest();
      try {
        const place = whereIs(fd);
        return !top || place === under(whereIs(top.fd), path) || place.endsWith(DELETED);
      } catch (error) {
        if (!isErrno(error, "ENAMETOOLONG") || !top) throw error;
        return leadsTo(top.fd, path, fd);
      }
    },
    close() {
      for (const { fd } of held.splice(0)) fs.close(fd);
    },
  };
}
