import { pipeline } from "node:stream/promises";
import { Writable } from "node:stream";
import { createGzip } from "node:zlib";
import { bytesOf, nameOf, parentOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { unlinkIfThere } from "../unlink-if-there.js";

/** Indexes are read more often than written, and are small: speed counts. */
const LEVEL = 1;

/** Where copies of indexes are kept, so that listing need not decompress archives. */
export function catalogDirectory(directory: Bytes): Bytes {
  return under(directory, bytesOf(".holdstill/index"));
}

function makeCatalog(fs: Filesystem, directory: Bytes): Bytes {
  const catalog = catalogDirectory(directory);
  try {
    fs.mkdir(catalog, 0o700);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
  return catalog;
}

/** Removes what dead runs left unfinished. Only for who holds the lock of the archive directory. */
export function removeDeadCopies(fs: Filesystem, directory: Bytes): void {
  const catalog = catalogDirectory(directory);
  try {
    for (const { name } of fs.list(catalog)) {
      if (/^\..*\.partial$/s.test(name)) unlinkIfThere(fs, under(catalog, name));
    }
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
  }
}

/** Saves a copy of an index as `.holdstill/index/<name>.jsonl.gz`. */
export async function saveIndex(
  fs: Filesystem,
  directory: Bytes,
  name: string,
  chunks: AsyncIterable<Buffer>,
): Promise<void> {
  const catalog = makeCatalog(fs, directory);
  const final = under(catalog, bytesOf(`${name}.jsonl.gz`));
  const partial = under(catalog, bytesOf(`.${name}.jsonl.gz.partial`));
  unlinkIfThere(fs, partial);
  const fd = fs.create(partial, 0o600);
  try {
    const sink = new Writable({
      write(chunk: Buffer, _encoding, callback) {
        try {
          for (let offset = 0; offset < chunk.length;) offset += fs.write(fd, chunk.subarray(offset));
          callback();
        } catch (error) {
          callback(error as Error);
        }
      },
    });
    await pipeline(chunks, createGzip({ level: LEVEL }), sink);
    await fs.sync(fd);
    fs.rename(partial, final);
  } catch (error) {
    unlinkIfThere(fs, partial);
    throw error;
  } finally {
    fs.close(fd);
  }
}

function digestPath(directory: Bytes, name: Bytes): Bytes {
  return under(catalogDirectory(directory), `${name}.sha256` as Bytes);
}

/** Notes the digest of an archive beside its index, in the format of sha256sum. */
export function recordDigest(fs: Filesystem, archive: Bytes, sha256: string): void {
  makeCatalog(fs, parentOf(archive));
  const path = digestPath(parentOf(archive), nameOf(archive));
  unlinkIfThere(fs, path);
  const fd = fs.create(path, 0o600);
  try {
    fs.write(fd, Buffer.from(`${sha256}  ../../${nameOf(archive)}\n`, "latin1"));
  } finally {
    fs.close(fd);
  }
}

/** The digest that was noted when an archive was published, where there is a note. */
export function recordedDigest(fs: Filesystem, archive: Bytes): string | undefined {
  try {
    const fd = fs.openRead(digestPath(parentOf(archive), nameOf(archive)));
    try {
      const text = Buffer.alloc(64);
      fs.read(fd, text, 0, text.length, 0);
      return /^[0-9a-f]{64}$/.exec(text.toString("latin1"))?.[0];
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}
