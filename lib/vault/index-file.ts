import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { bytesOf, under, type Bytes } from "../bytes.js";
import { partialName } from "../archive/name.js";
import type { Filesystem } from "../filesystem.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { writeAll } from "../write-all.js";
import { unusable } from "./output.js";

const BLOCK = 1 << 20;

/** The index while the archive grows: on disk, since it is the last entry and its size comes before its bytes. */
export interface IndexFile {
  readonly append: (line: string) => void;
  /** Appends the closing line, made from the digest of all lines before it; returns the size of the whole. */
  readonly close: (last: (sha256: string) => string) => number;
  readonly chunks: () => AsyncGenerator<Buffer>;
  /** Of all lines but the last. */
  readonly sha256: () => string;
  readonly remove: () => void;
}

/** Turns bytes into as many others, and back. */
interface Veil {
  readonly over: (block: Buffer) => Buffer;
  /** From the first byte on. */
  readonly lifted: () => (block: Buffer) => Buffer;
}

const NO_VEIL: Veil = { over: (block) => block, lifted: () => (block) => block };

/** With a key that nobody keeps: names do not lie about in the clear, not even where a run was killed. */
function veil(): Veil {
  const [key, counter] = [randomBytes(32), Buffer.alloc(16)];
  const cipher = createCipheriv("aes-256-ctr", key, counter);
  return {
    over: (block) => cipher.update(block),
    lifted: () => {
      const decipher = createDecipheriv("aes-256-ctr", key, counter);
      return (block) => decipher.update(block);
    },
  };
}

/**
 * Creates `.<name>.index.partial`.
 * @param options.veiled whether it is to be legible to this run only
 */
export function createIndexFile(
  fs: Filesystem,
  directory: Bytes,
  name: string,
  { veiled }: { readonly veiled: boolean } = { veiled: false },
): IndexFile {
  const path = under(directory, bytesOf(partialName(`${name}.index`)));
  return indexFileAt(fs, path, unusable, veiled ? veil() : NO_VEIL);
}

/** @param meaningOf the error to be thrown where the disk fails */
export function indexFileAt(
  fs: Filesystem,
  path: Bytes,
  meaningOf: (path: Bytes, error: unknown) => unknown,
  { over, lifted }: Veil = NO_VEIL,
): IndexFile {
  const explained = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw meaningOf(path, error);
    }
  };
  const hash = createHash("sha256");
  let fd: number | undefined = explained(() => fs.create(path, 0o600));
  // Bytes at once: strings that wait outlive the collection of young garbage, and pile up among the old.
  const pending = Buffer.allocUnsafe(BLOCK);
  let filled = 0;
  let size = 0;
  let sha256 = "";

  const flush = (): void => {
    add(pending.subarray(0, filled));
    filled = 0;
  };
  const add = (block: Buffer): void => {
    hash.update(block);
    write(block);
  };
  const write = (block: Buffer): void => {
    const open = fd;
    if (open === undefined) throw new Error("the index is closed");
    explained(() => writeAll(fs, open, over(block)));
    size += block.length;
  };
  const closeFile = (): void => {
    const open = fd;
    fd = undefined;
    if (open !== undefined) fs.close(open);
  };

  return {
    append(line) {
      const length = Buffer.byteLength(line);
      if (filled + length > BLOCK) flush();
      if (length > BLOCK) add(Buffer.from(line));
      else filled += pending.write(line, filled);
    },
    close(last) {
      flush();
      sha256 = hash.digest("hex");
      write(Buffer.from(last(sha256)));
      closeFile();
      return size;
    },
    chunks: () => chunksOf(fs, () => explained(() => fs.openRead(path)), size, lifted()),
    sha256: () => sha256,
    remove() {
      closeFile();
      unlinkIfThere(fs, path);
    },
  };
}

async function* chunksOf(
  fs: Filesystem,
  open: () => number,
  size: number,
  legible: (block: Buffer) => Buffer,
): AsyncGenerator<Buffer> {
  const fd = open();
  try {
    for (let position = 0; position < size;) {
      const chunk = Buffer.allocUnsafe(Math.min(BLOCK, size - position));
      const read = await fs.readAsync(fd, chunk, 0, chunk.length, position);
      if (read === 0) throw new Error("the index is shorter than it was written");
      position += read;
      yield legible(chunk.subarray(0, read));
    }
  } finally {
    fs.close(fd);
  }
}
