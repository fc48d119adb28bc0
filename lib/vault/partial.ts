import { createHash } from "node:crypto";
import { Writable } from "node:stream";
import { isPartialName, isStampedName, partialName } from "../archive/name.js";
import { giveBuffer } from "../buffer-pool.js";
import { bytesOf, textOf, under, type Bytes } from "../bytes.js";
import { closeOnce } from "../close-once.js";
import type { Filesystem } from "../filesystem.js";
import { ourUid } from "../our-uid.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { unusable } from "./output.js";

const MODE = 0o600;

/** A file that grows under a name that no archive has. */
export interface Partial {
  readonly path: Bytes;
  /** Writes through; ends with everything written, not yet synced. */
  readonly stream: () => Writable;
  readonly written: () => { readonly bytes: number; readonly sha256: string };
  readonly sync: () => Promise<void>;
  /** Removes it if it is still there. */
  readonly remove: () => void;
}

/** Creates `.<name>.partial`, mode 0600, anew. The caller holds the lock, so one that is there is nobody's. */
export function createPartial(fs: Filesystem, directory: Bytes, name: string): Partial {
  const path = under(directory, bytesOf(partialName(name)));
  const hash = createHash("sha256");
  let bytes = 0;
  let open: number;
  try {
    open = fs.create(path, MODE);
  } catch (error) {
    throw unusable(path, error);
  }
  let writing = Promise.resolve();
  const close = closeOnce(fs, open);

  const write = async (chunk: Buffer): Promise<void> => {
    hash.update(chunk);
    for (let offset = 0; offset < chunk.length;) offset += await fs.writeAsync(open, chunk.subarray(offset));
    bytes += chunk.length;
    giveBuffer(chunk);
  };

  return {
    path,
    stream: () =>
      new Writable({
        highWaterMark: 4 << 20,
        write(chunk: Buffer, _encoding, callback) {
          writing = write(chunk).then(
            () => callback(),
            (error: unknown) => callback(unusable(path, error) as Error),
          );
        },
        // A descriptor that is closed under a write belongs to another file when the write arrives.
        destroy(error, callback) {
          void writing.then(() => callback(error));
        },
      }),
    written: () => ({ bytes, sha256: hash.copy().digest("hex") }),
    async sync() {
      try {
        await fs.sync(open);
      } catch (error) {
        throw unusable(path, error);
      } finally {
        close();
      }
    },
    remove() {
      close();
      unlinkIfThere(fs, path);
    },
  };
}

/**
 * Removes the partial archives in an archive directory. Only for who holds its lock: then they are those of dead runs.
 * @returns the paths that were removed
 */
export function removeDeadPartials(fs: Filesystem, directory: Bytes): string[] {
  const dead = fs.list(directory).filter(({ name, kind }) => kind === "file" && isOurs(fs, directory, name));
  for (const { name } of dead) unlinkIfThere(fs, under(directory, name));
  return dead.map(({ name }) => textOf(under(directory, name)));
}

/** A name that only holdstill gives is enough; one that somebody chose may be that of another program's file. */
function isOurs(fs: Filesystem, directory: Bytes, name: Bytes): boolean {
  const text = textOf(name);
  if (!isPartialName(text)) return false;
  if (isStampedName(text.slice(1))) return true;
  const { mode, uid } = fs.lstat(under(directory, name));
  return mode === MODE && uid === ourUid(fs);
}
