import { nameOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";

/** Directories held open on the way down: more would meet a low `ulimit -n`, fewer would open parents again. */
const HELD = 24;

/** What Linux puts behind the path of a directory that was removed. */
const DELETED = " (deleted)";

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

export function descent(fs: Filesystem, root: Bytes, viaDescriptors: boolean): Descent {
  const held: { path: Bytes; fd: number }[] = [{ path: "." as Bytes, fd: openRoot(fs, root) }];
  const baseOf = (path: Bytes, fd: number): Bytes => (viaDescriptors ? pathOfDescriptor(fd) : under(root, path));

  const isAbove = (ancestor: Bytes, path: Bytes): boolean =>
    ancestor === "." || path === ancestor || path.startsWith(`${ancestor}/`);

  const deepest = (): { path: Bytes; fd: number } => {
    const top = held.at(-1);
    if (!top) throw new Error("the descent is closed");
    return top;
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
      const place = whereIs(fd);
      return !top || place === under(whereIs(top.fd), path) || place.endsWith(DELETED);
    },
    close() {
      for (const { fd } of held.splice(0)) fs.close(fd);
    },
  };
}
