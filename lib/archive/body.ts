import type { Hash } from "node:crypto";
import { takeBuffer } from "../buffer-pool.js";
import { BROKEN, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import type { FrozenFile } from "../stage/entry.js";

const CHUNK = 1 << 20;

/** A file changed while it was streamed: what is in the tar of it is nothing that ever was. */
export class ChangedWhileStreaming extends Error {
  override readonly name = "ChangedWhileStreaming";
  readonly file: FrozenFile;

  constructor(file: FrozenFile) {
    super(`changed while it was archived: ${file.path}`);
    this.file = file;
  }
}

/** A file could not be read to its end after its header was written. */
export class UnreadableWhileStreaming extends Error {
  override readonly name = "UnreadableWhileStreaming";
  readonly file: FrozenFile;
  readonly detail: string;

  constructor(file: FrozenFile, cause: NodeJS.ErrnoException) {
    super(`could not be read: ${file.path}`, { cause });
    this.file = file;
    this.detail = cause.code ?? "";
  }
}

export interface StreamedBody {
  readonly fd: number;
  readonly size: number;
  readonly stillTrue: () => boolean;
}

/**
 * Exactly the first `size` bytes of an open file, into the hash on their way.
 * @throws ChangedWhileStreaming where there are fewer, or the file is another than its header says;
 * UnreadableWhileStreaming where the disk fails
 */
export async function* bodyOf(
  fs: Filesystem,
  file: FrozenFile,
  { fd, size, stillTrue }: StreamedBody,
  hash: Hash,
): AsyncGenerator<Buffer> {
  const assertTrue = (): void => {
    if (!unlessBroken(file, stillTrue)) throw new ChangedWhileStreaming(file);
  };
  if (size === 0) assertTrue();
  for (let position = 0; position < size;) {
    const chunk = takeBuffer(Math.min(CHUNK, size - position));
    const read = await unlessBroken(file, () => fs.readAsync(fd, chunk, 0, chunk.length, position));
    if (read === 0) throw new ChangedWhileStreaming(file);
    position += read;
    // Before the last chunk is let go: archiver takes the entry for finished when it has all its bytes.
    if (position === size) assertTrue();
    hash.update(chunk.subarray(0, read));
    yield chunk.subarray(0, read);
  }
}

function unlessBroken<T>(file: FrozenFile, look: () => T): T {
  const broken = (error: unknown): never => {
    throw isErrno(error, ...BROKEN) ? new UnreadableWhileStreaming(file, error) : error;
  };
  try {
    const seen = look();
    return seen instanceof Promise ? (seen.catch(broken) as T) : seen;
  } catch (error) {
    return broken(error);
  }
}
