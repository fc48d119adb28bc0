import { isAge, MAGIC } from "../age/sealed.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import { readFull } from "../stage/quiet.js";
import { decompressor, recognise, type ZstdEngine } from "./compress.js";
import { LARGEST_MANIFEST, isManifest, parseManifest } from "./parse-manifest.js";
import { leniently, readTar, type TarEntry } from "./read.js";

/** Enough for the first block of any compression. */
const HEAD = 256 << 10;
/** Enough for the header of the first entry. */
const TAR_HEAD = 4 << 10;
/** Enough for a manifest as the first entry. */
const MANIFEST_HEAD = LARGEST_MANIFEST + TAR_HEAD;

/** `other`: a tar, and none of ours; `encrypted`: what it is cannot be told; `unreadable`: none of these. */
export type Peeked = "archive" | "other" | "encrypted" | "unreadable";

/** What a file begins as: ours with a manifest, those of OpenClaw with what they hold. Reads no more than its first 256 KiB. */
export async function peek(fs: Filesystem, path: Bytes, engine: ZstdEngine | undefined): Promise<Peeked> {
  const first = await firstEntry(fs, path, engine, TAR_HEAD);
  if (first === undefined) return isEncrypted(fs, path) ? "encrypted" : "unreadable";
  return isArchiveEntry(first.entry) ? "archive" : "other";
}

/**
 * Who made an archive, by its first 256 KiB; undefined for what is no archive. A manifest that is longer is taken for
 * one of holdstill: reading the archive tells.
 */
export async function makerOf(
  fs: Filesystem,
  path: Bytes,
  engine: ZstdEngine | undefined,
): Promise<"holdstill" | "another" | undefined> {
  const first = await firstEntry(fs, path, engine, MANIFEST_HEAD);
  if (first === undefined || !isArchiveEntry(first.entry)) return undefined;
  if (!isManifest(first.entry)) return "another";
  if (first.body.length < first.entry.size) return "holdstill";
  try {
    return "holdstill" in parseManifest(first.entry, first.body).value ? "holdstill" : "another";
  } catch (error) {
    if (!(error instanceof HoldstillError)) throw error;
    return undefined;
  }
}

function isArchiveEntry({ name }: TarEntry): boolean {
  return /^[^/]+\/(manifest\.json$|payload\/)/.test(name);
}

interface FirstEntry {
  readonly entry: TarEntry;
  /** As much of it as was read. */
  readonly body: Buffer;
}

/** The first entry of a tar, from so many of its bytes and no more than 256 KiB of the file. */
async function firstEntry(
  fs: Filesystem,
  path: Bytes,
  engine: ZstdEngine | undefined,
  enough: number,
): Promise<FirstEntry | undefined> {
  const head = readHead(fs, path);
  const format = head && recognise(head.subarray(0, 512));
  if (!head || format === undefined || (format === "zstd" && engine === undefined)) return undefined;
  const tar = format === "none" ? head : await firstBytes(decompressor(format, engine).end(head), enough);
  let entry: TarEntry | undefined;
  let entries = 0;
  const body: Buffer[] = [];
  const visitor = {
    entry(found: TarEntry) {
      entry ??= found;
      entries += 1;
    },
    data(chunk: Buffer) {
      if (entries === 1) body.push(chunk);
    },
  };
  try {
    await readTar(only(tar), visitor, leniently);
  } catch {
    // It is cut off, if it is a tar at all.
  }
  return entry && { entry, body: Buffer.concat(body) };
}

/** Whether a file is encrypted with age. */
export function isEncrypted(fs: Filesystem, path: Bytes): boolean {
  const head = readHead(fs, path, MAGIC.length);
  return head !== undefined && isAge(head);
}

function readHead(fs: Filesystem, path: Bytes, length = HEAD): Buffer | undefined {
  try {
    const fd = fs.openRead(path);
    try {
      const head = Buffer.allocUnsafe(length);
      return head.subarray(0, readFull(fs, fd, head, 0));
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    if (isErrno(error, "ENOENT", "EACCES", "EPERM", "EIO", "ELOOP")) return undefined;
    throw error;
  }
}

/** What comes out of a stream before it notices that its input ends too early. */
async function firstBytes(stream: AsyncIterable<Buffer>, enough: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= enough) break;
    }
  } catch {
    // Only the head was given to it.
  }
  return Buffer.concat(chunks);
}

async function* only(chunk: Buffer): AsyncGenerator<Buffer> {
  yield chunk;
}
