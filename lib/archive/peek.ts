import { isErrno } from "../errors.js";
import type { Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import { readFull } from "../stage/quiet.js";
import { decompressor, recognise, type ZstdEngine } from "./compress.js";
import { leniently, readTar } from "./read.js";

/** Enough for the first block of any compression. */
const HEAD = 256 << 10;
/** Enough for the header of the first entry. */
const TAR_HEAD = 4 << 10;

/** Whether a file begins as archives do: ours with a manifest, those of OpenClaw with what they hold. Reads no more than its first 256 KiB. */
export async function isArchive(fs: Filesystem, path: Bytes, engine: ZstdEngine | undefined): Promise<boolean> {
  const head = readHead(fs, path);
  const format = head && recognise(head.subarray(0, 512));
  if (!head || format === undefined || (format === "zstd" && engine === undefined)) return false;
  const tar = format === "none" ? head : await firstBytes(decompressor(format, engine).end(head));
  return /^[^/]+\/(manifest\.json$|payload\/)/.test(await firstName(tar));
}

function readHead(fs: Filesystem, path: Bytes): Buffer | undefined {
  try {
    const fd = fs.openRead(path);
    try {
      const head = Buffer.allocUnsafe(HEAD);
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
async function firstBytes(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= TAR_HEAD) break;
    }
  } catch {
    // Only the head was given to it.
  }
  return Buffer.concat(chunks);
}

async function firstName(tar: Buffer): Promise<string> {
  let name = "";
  const first = (entry: { readonly name: Bytes }): void => void (name ||= entry.name);
  try {
    await readTar(only(tar), { entry: first, data: () => undefined }, leniently);
  } catch {
    // It is cut off, if it is a tar at all.
  }
  return name;
}

async function* only(chunk: Buffer): AsyncGenerator<Buffer> {
  yield chunk;
}
