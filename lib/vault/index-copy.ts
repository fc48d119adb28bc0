import { createHash } from "node:crypto";
import { once } from "node:events";
import { PassThrough, Readable, Writable, type Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { decrypted } from "../age/open.js";
import { encrypting } from "../age/payload.js";
import { isAge, type Sealed, type Unseal } from "../age/sealed.js";
import type { Bytes } from "../bytes.js";
import { closeOnce } from "../close-once.js";
import type { Filesystem } from "../filesystem.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { writeAll } from "../write-all.js";

/** Indexes are read more often than written, and are small: speed counts. */
const LEVEL = 1;
const CHUNK = 256 * 1024;

/** A copy of an index while it is written. */
export interface IndexCopy {
  readonly write: (chunk: Buffer) => Promise<void>;
  /** Syncs it and gives it its name; returns the sha256 of the text. */
  readonly commit: () => Promise<string>;
  /** Removes what was written, unless it has its name. */
  readonly discard: () => Promise<void>;
}

/**
 * Begins a copy that grows at `partial` and is to be at `final`. What lies at `partial` is nobody's.
 * @param sealed encrypts it
 */
export function createIndexCopy(fs: Filesystem, partial: Bytes, final: Bytes, sealed?: Sealed): IndexCopy {
  unlinkIfThere(fs, partial);
  const fd = fs.create(partial, 0o600);
  const hash = createHash("sha256");
  const input = new PassThrough();
  const ending = new AbortController();
  const through: readonly Duplex[] = [createGzip({ level: LEVEL }), ...(sealed ? [encrypting(sealed)] : [])];
  const written = pipeline([input, ...through, sinkTo(fs, fd)]);
  // Heard where it is awaited; nobody may have come so far.
  written.catch((error: unknown) => ending.abort(error));
  const close = closeOnce(fs, fd);

  return {
    async write(chunk) {
      hash.update(chunk);
      if (input.write(chunk)) return;
      await Promise.race([written, once(input, "drain", { signal: ending.signal }).catch(() => written)]);
    },
    async commit() {
      input.end();
      await written;
      await fs.sync(fd);
      close();
      fs.rename(partial, final);
      return hash.digest("hex");
    },
    async discard() {
      input.destroy();
      await written.catch(() => {
        // It was cut off.
      });
      close();
      unlinkIfThere(fs, partial);
    },
  };
}

function sinkTo(fs: Filesystem, fd: number): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, callback) {
      try {
        writeAll(fs, fd, chunk);
        callback();
      } catch (error) {
        callback(error as Error);
      }
    },
  });
}

/**
 * The text of a copy; fails with the error of zlib where it is damaged.
 * @throws HoldstillError `bad-archive`, `wrong-key` for one that is encrypted
 */
export async function* readIndexCopy(fs: Filesystem, path: Bytes, unseal?: Unseal): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const source = Readable.from(compressed(fs, path, unseal), { objectMode: false });
  const done = pipeline(source, gunzip).catch((error: unknown) => {
    gunzip.destroy(error as Error);
  });
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } finally {
    source.destroy();
    gunzip.destroy();
    await done;
  }
}

async function* compressed(fs: Filesystem, path: Bytes, unseal: Unseal | undefined): AsyncGenerator<Buffer> {
  const stored = stream(fs, path);
  const first = await stored.next();
  if (first.done === true) return;
  async function* all(): AsyncGenerator<Buffer> {
    yield first.value as Buffer;
    yield* stored;
  }
  yield* isAge(first.value) ? decrypted(all(), unseal) : all();
}

async function* stream(fs: Filesystem, path: Bytes): AsyncGenerator<Buffer> {
  const fd = fs.openRead(path);
  try {
    for (let position = 0; ;) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const read = await fs.readAsync(fd, chunk, 0, CHUNK, position);
      if (read === 0) return;
      position += read;
      yield chunk.subarray(0, read);
    }
  } finally {
    fs.close(fd);
  }
}
