import { createHash } from "node:crypto";
import { giveBuffer, takeBuffer } from "../buffer-pool.js";
import type { Filesystem, Stat } from "../filesystem.js";
import { ageMs, quietAfterMs, unchanged } from "./sameness.js";

const TRIES = 20;
const CHUNK = 1 << 20;

/** Readings in a row that a file must only have grown in: once where nothing but appending is expected. */
const GROWN_APPENDED = 1;
const GROWN_OTHER = 3;

/** Where the bytes go. Every try starts afresh; the chunk may not be kept. */
export interface Sink {
  readonly restart: (size: number) => void;
  readonly write: (chunk: Uint8Array) => void;
}

export interface QuietReading {
  /** `quiet`: one moment's bytes; `grown`: a prefix of the file as it was at `at`; `restless`: nothing is known. */
  readonly outcome: "quiet" | "grown" | "restless";
  /** How many of the bytes in the sink count. */
  readonly size: number;
  /** The file when the reading that counts began. */
  readonly stat: Stat;
  readonly at: number;
  readonly tries: number;
}

export interface QuietOptions {
  readonly appended: boolean;
  readonly coarseClock: boolean;
  readonly now: () => number;
  /** Waits between two tries; rejects when the run is to end. */
  readonly pause: () => Promise<void>;
}

/**
 * Reads a file until the bytes are those of one moment: `fstat` equal before and after and the last modification long
 * enough ago, or two readings with equal digests. Gives up after 20 tries, with the last reading in the sink.
 */
export async function readQuietly(
  fs: Filesystem,
  fd: number,
  sink: Sink,
  options: QuietOptions,
): Promise<QuietReading> {
  let previous: Reading | undefined;
  let grown = 0;
  for (let tries = 1; ; tries++) {
    if (tries > 1) await options.pause();
    const at = options.now();
    const before = fs.fstat(fd);
    const reading = await readOnce(fs, fd, sink, before, at, previous?.size);
    const after = fs.fstat(fd);

    const whole = reading.size === before.size;
    const left = unchanged(before, after) && ageMs(before, at) >= quietAfterMs(options.coarseClock);
    const again = previous?.size === reading.size && previous.digest === reading.digest;
    if (whole && (left || again)) return { outcome: "quiet", size: reading.size, stat: before, at, tries };

    const onlyGrew = previous !== undefined && reading.size > previous.size && reading.prefixDigest === previous.digest;
    grown = onlyGrew ? grown + 1 : 0;
    if (previous && grown >= (options.appended ? GROWN_APPENDED : GROWN_OTHER)) {
      return { outcome: "grown", size: previous.size, stat: previous.stat, at: previous.at, tries };
    }
    if (tries === TRIES) return { outcome: "restless", size: reading.size, stat: before, at, tries };
    previous = whole ? reading : undefined;
  }
}

/**
 * Reads a small file that nobody has touched for a while, in one go: the common case, without a promise.
 * @returns a buffer to be given back; undefined where that one reading proves nothing
 */
export function readStill(
  fs: Filesystem,
  fd: number,
  stat: Stat,
  at: number,
  coarseClock: boolean,
): Buffer | undefined {
  if (ageMs(stat, at) < quietAfterMs(coarseClock)) return undefined;
  const bytes = takeBuffer(stat.size);
  if (readFull(fs, fd, bytes, 0) === stat.size && unchanged(stat, fs.fstat(fd))) return bytes;
  giveBuffer(bytes);
  return undefined;
}

/** Reads the first `size` bytes; returns whether there were so many. */
export async function readPrefix(fs: Filesystem, fd: number, sink: Sink, size: number): Promise<boolean> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(size, 1)));
  sink.restart(size);
  for (let position = 0; position < size;) {
    const read = await fs.readAsync(fd, buffer, 0, Math.min(buffer.length, size - position), position);
    if (read === 0) return false;
    sink.write(buffer.subarray(0, read));
    position += read;
  }
  return true;
}

/** Fills the buffer from `position` on; returns how many bytes there were. */
export function readFull(fs: Filesystem, fd: number, buffer: Uint8Array, position: number): number {
  let length = 0;
  while (length < buffer.length) {
    const read = fs.read(fd, buffer, length, buffer.length - length, position + length);
    if (read === 0) break;
    length += read;
  }
  return length;
}

interface Reading {
  readonly size: number;
  readonly stat: Stat;
  readonly at: number;
  readonly digest: string;
  /** Of as many bytes as the reading before had. */
  readonly prefixDigest: string | undefined;
}

async function readOnce(
  fs: Filesystem,
  fd: number,
  sink: Sink,
  stat: Stat,
  at: number,
  checkpoint: number | undefined,
): Promise<Reading> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(stat.size, 1)));
  let prefixDigest: string | undefined;
  let size = 0;
  sink.restart(stat.size);
  while (size < stat.size) {
    const stop = checkpoint !== undefined && checkpoint > size ? Math.min(checkpoint, stat.size) : stat.size;
    const read = await fs.readAsync(fd, buffer, 0, Math.min(buffer.length, stop - size), size);
    if (read === 0) break;
    hash.update(buffer.subarray(0, read));
    sink.write(buffer.subarray(0, read));
    size += read;
    if (size === checkpoint) prefixDigest = hash.copy().digest("hex");
  }
  if (checkpoint === 0) prefixDigest = createHash("sha256").digest("hex");
  return { size, stat, at, digest: hash.digest("hex"), prefixDigest };
}

/** A sink that keeps the bytes in memory. */
export function memorySink(): Sink & { readonly bytes: () => Buffer } {
  let buffer = Buffer.alloc(0);
  let length = 0;
  return {
    restart(size) {
      buffer = Buffer.allocUnsafe(size);
      length = 0;
    },
    write(chunk) {
      buffer.set(chunk, length);
      length += chunk.length;
    },
    bytes: () => buffer.subarray(0, length),
  };
}
