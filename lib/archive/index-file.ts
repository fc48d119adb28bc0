import { createHash } from "node:crypto";
import { bytesOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { unusable } from "../vault/output.js";
import { partialName } from "./name.js";

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

/** Creates `.<name>.index.partial`. */
export function createIndexFile(fs: Filesystem, directory: Bytes, name: string): IndexFile {
  const path = under(directory, bytesOf(partialName(`${name}.index`)));
  const hash = createHash("sha256");
  let fd: number | undefined = explained(path, () => fs.create(path, 0o600));
  let pending: string[] = [];
  let pendingLength = 0;
  let size = 0;
  let sha256 = "";

  const flush = (): void => {
    const block = Buffer.from(pending.join(""));
    pending = [];
    pendingLength = 0;
    hash.update(block);
    write(block);
  };
  const write = (block: Buffer): void => {
    const open = fd;
    if (open === undefined) throw new Error("the index is closed");
    for (let offset = 0; offset < block.length;) {
      offset += explained(path, () => fs.write(open, block.subarray(offset)));
    }
    size += block.length;
  };
  const closeFile = (): void => {
    if (fd !== undefined) fs.close(fd);
    fd = undefined;
  };

  return {
    append(line) {
      pending.push(line);
      pendingLength += line.length;
      if (pendingLength >= BLOCK) flush();
    },
    close(last) {
      flush();
      sha256 = hash.digest("hex");
      write(Buffer.from(last(sha256)));
      closeFile();
      return size;
    },
    chunks: () => chunksOf(fs, path, size),
    sha256: () => sha256,
    remove() {
      closeFile();
      try {
        fs.unlink(path);
      } catch (error) {
        if (!isErrno(error, "ENOENT")) throw error;
      }
    },
  };
}

function explained<T>(path: Bytes, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unusable(path, error);
  }
}

async function* chunksOf(fs: Filesystem, path: Bytes, size: number): AsyncGenerator<Buffer> {
  const fd = fs.openRead(path);
  try {
    for (let position = 0; position < size;) {
      const chunk = Buffer.allocUnsafe(Math.min(BLOCK, size - position));
      const read = await fs.readAsync(fd, chunk, 0, chunk.length, position);
      if (read === 0) throw new Error("the index is shorter than it was written");
      position += read;
      yield chunk.subarray(0, read);
    }
  } finally {
    fs.close(fd);
  }
}
