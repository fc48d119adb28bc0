import type { Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";

const CHUNK = 64 << 10;

/**
 * A file of `/proc`, whose size is not known before it is read. Undefined where the process has gone, or is another
 * user's.
 */
export function readProc(fs: Filesystem, path: string): string | undefined {
  return unlessHidden(() => {
    const fd = fs.openRead(path as Bytes);
    try {
      const parts: string[] = [];
      const buffer = Buffer.alloc(CHUNK);
      for (let position = 0; ;) {
        const length = fs.read(fd, buffer, 0, CHUNK, position);
        if (length === 0) return parts.join("");
        parts.push(buffer.toString("latin1", 0, length));
        position += length;
      }
    } finally {
      fs.close(fd);
    }
  });
}

export function processes(fs: Filesystem): number[] {
  const listed = unlessHidden(() => fs.list("/proc" as Bytes)) ?? [];
  return listed.filter(({ name }) => /^\d+$/.test(name)).map(({ name }) => Number(name));
}

/** What `/proc` does not show: what has ended meanwhile, what is another user's, and what lies too deep to have a path. */
export function unlessHidden<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESRCH", "EACCES", "EPERM", "EINVAL", "ENOTDIR", "ENAMETOOLONG")) return undefined;
    throw error;
  }
}
