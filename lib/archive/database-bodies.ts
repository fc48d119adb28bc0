import type { Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import { looksLikeDatabase, type Integrity } from "../stage/database.js";
import { writeAll } from "../write-all.js";
import type { TarEntry, TarVisitor } from "./read.js";

const MAGIC_BYTES = 16;

export interface DatabaseBodies extends Required<TarVisitor> {
  /** What `integrity_check` said of each database, by its name in the archive. */
  readonly found: ReadonlyMap<Bytes, Integrity>;
}

/**
 * Writes the databases of an archive out as they stream by, one at a time, and has each checked.
 * @param directory a private one, for one file at a time
 * @param check opens a copy and checks it
 */
export function databaseBodies(
  fs: Filesystem,
  directory: () => Bytes,
  check: (copy: Bytes) => Promise<Integrity>,
): DatabaseBodies {
  const found = new Map<Bytes, Integrity>();
  let current: TarEntry | undefined;
  let head: Buffer = Buffer.alloc(0);
  let copy: { readonly path: Bytes; readonly fd: number } | undefined;

  const write = (data: Buffer): void => {
    if (copy) writeAll(fs, copy.fd, data);
  };

  return {
    found,
    entry(entry) {
      current = entry.type === "file" && entry.size > 0 && entry.size % 512 === 0 ? entry : undefined;
      head = Buffer.alloc(0);
    },
    data(chunk) {
      if (copy) write(chunk);
      else if (current) {
        head = Buffer.concat([head, chunk]);
        if (head.length < MAGIC_BYTES) return;
        if (!looksLikeDatabase(head, current.size)) {
          current = undefined;
          return;
        }
        const path = `${directory()}/database` as Bytes;
        copy = { path, fd: fs.create(path, 0o600) };
        write(head);
      }
    },
    async end() {
      if (!copy || !current) return;
      const { path, fd } = copy;
      copy = undefined;
      fs.close(fd);
      found.set(current.name, await check(path));
      fs.unlink(path);
    },
  };
}
