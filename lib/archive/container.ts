import type { Compression } from "./compress.js";
import { GZIP_HEADER } from "./gzip.js";

const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const TAR_BLOCK = 512;
const TAR_CHECKSUM = { at: 148, length: 8 } as const;

/**
 * What a file is by its first bytes: at least 512 of them, or all there are. A tar is "none"; undefined is neither a
 * tar nor anything that we can decompress.
 */
export function recognise(head: Uint8Array): Compression | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (bytes.subarray(0, 4).equals(ZSTD_MAGIC) || isSkippableFrame(bytes)) return "zstd";
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  return bytes.toString("latin1", 257, 262) === "ustar" || isOldTar(bytes) ? "none" : undefined;
}

/** zstd's skippable frames have the magic numbers 0x184D2A50 to 0x184D2A5F. */
function isSkippableFrame(bytes: Buffer): boolean {
  return bytes.length >= 4 && (bytes.readUInt32LE(0) & 0xfffffff0) === 0x184d2a50;
}

/** A tar from before POSIX has no magic, but the sum of its header's bytes, its own field counted as spaces. */
function isOldTar(bytes: Buffer): boolean {
  if (bytes.length < TAR_BLOCK) return false;
  const { at, length } = TAR_CHECKSUM;
  const field = /^ *([0-7]+)[ \0]/.exec(bytes.toString("latin1", at, at + length));
  if (field?.[1] === undefined) return false;
  let sum = length * 0x20;
  for (const byte of bytes.subarray(0, at)) sum += byte;
  for (const byte of bytes.subarray(at + length, TAR_BLOCK)) sum += byte;
  return sum === Number.parseInt(field[1], 8);
}

/** A content checksum and nothing else: no content size, no dictionary, reserved bits clear. */
const ZSTD_DESCRIPTOR = 0x04;
/** Windows of 512 KiB to 8 MiB, the powers of two that levels 1 to 19 take when the size is not known beforehand. */
const ZSTD_WINDOWS: readonly number[] = [0x48, 0x50, 0x58, 0x60, 0x68];

/**
 * What in a container's header is not as holdstill writes it, where decompressors do not look or do not mind. For
 * archives of our own making that hold something: `head` is at least the first ten bytes.
 */
export function containerProblem(format: Compression, head: Uint8Array): string | undefined {
  if (format === "gzip") {
    const sound = GZIP_HEADER.every((byte, index) => head[index] === byte);
    return sound ? undefined : "the gzip header is not the one holdstill writes";
  }
  if (format === "zstd") {
    if (!ZSTD_MAGIC.every((byte, index) => head[index] === byte)) return "it does not begin with a zstd frame";
    if (head[4] !== ZSTD_DESCRIPTOR) return "the zstd frame header is not the one holdstill writes";
    if (!ZSTD_WINDOWS.includes(head[5] ?? -1)) return "the zstd window size is not one holdstill uses";
  }
  return undefined;
}
