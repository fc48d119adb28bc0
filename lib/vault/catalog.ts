import { randomBytes } from "node:crypto";
import type { Seal, Sealed } from "../age/sealed.js";
import { ENCRYPTED } from "../archive/name.js";
import { parseSummary, printSummary, type Summary } from "../archive/summary.js";
import { bytesOf, nameOf, parentOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem, Stat } from "../filesystem.js";
import { readFull } from "../stage/quiet.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { writeAll } from "../write-all.js";
import { createIndexCopy, type IndexCopy } from "./index-copy.js";

/** A summary names the sources, and what is larger is none of ours. In bytes. */
const LARGEST_SUMMARY = 1 << 20;

/** Where copies of indexes are kept, so that listing need not decompress archives. */
export function catalogDirectory(directory: Bytes): Bytes {
  return under(directory, bytesOf(".holdstill/index"));
}

/** Whether there is a copy of an archive's index. */
export function hasCopy(fs: Filesystem, archive: Bytes): boolean {
  try {
    fs.lstat(indexCopyPath(archive));
    return true;
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) throw error;
    return false;
  }
}

function makeCatalog(fs: Filesystem, directory: Bytes): Bytes {
  const catalog = catalogDirectory(directory);
  try {
    makeDirectory(fs, catalog);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    makeDirectory(fs, parentOf(catalog));
    makeDirectory(fs, catalog);
  }
  return catalog;
}

function makeDirectory(fs: Filesystem, path: Bytes): void {
  try {
    fs.mkdir(path, 0o700);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

/** Whether the directory that an archive lies in is an archive directory: whether there is a place for its catalog. */
export function hasCatalog(fs: Filesystem, archive: Bytes): boolean {
  try {
    return fs.lstat(under(parentOf(archive), bytesOf(".holdstill"))).kind === "directory";
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) throw error;
    return false;
  }
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

/** Where the copy of an archive's index is, or is to be; that of an encrypted archive is encrypted too. */
export function indexCopyPath(archive: Bytes): Bytes {
  return under(catalogDirectory(parentOf(archive)), indexCopyName(nameOf(archive)));
}

function indexCopyName(name: Bytes): Bytes {
  return `${name}.jsonl.gz${name.endsWith(ENCRYPTED) ? ENCRYPTED : ""}` as Bytes;
}

/**
 * Begins the copy of an archive's index.
 * @param mark for who does not hold the lock of the archive directory: keeps several apart
 */
export function beginIndexCopy(fs: Filesystem, archive: Bytes, mark = "", sealed?: Sealed): IndexCopy {
  const catalog = makeCatalog(fs, parentOf(archive));
  const partial = under(catalog, `.${nameOf(archive)}.jsonl.gz${mark}.partial` as Bytes);
  return createIndexCopy(fs, partial, indexCopyPath(archive), sealed);
}

/**
 * Saves a copy of an index as `.holdstill/index/<name>.jsonl.gz`, or, encrypted, as `….jsonl.gz.age`; returns the sha256
 * of its text.
 */
export async function saveIndex(
  fs: Filesystem,
  archive: Bytes,
  chunks: AsyncIterable<Buffer>,
  seal?: Seal,
): Promise<string> {
  const copy = beginIndexCopy(fs, archive, "", await seal?.());
  try {
    for await (const chunk of chunks) await copy.write(chunk);
    return await copy.commit();
  } catch (error) {
    await copy.discard();
    throw error;
  }
}

function summaryPath(archive: Bytes): Bytes {
  return under(catalogDirectory(parentOf(archive)), `${nameOf(archive)}.json` as Bytes);
}

/** Notes what `list` tells of an archive beside the copy of its index. */
export function saveSummary(fs: Filesystem, archive: Bytes, summary: Summary, mark = ""): void {
  const catalog = makeCatalog(fs, parentOf(archive));
  const partial = under(catalog, `.${nameOf(archive)}.json${mark}.partial` as Bytes);
  unlinkIfThere(fs, partial);
  try {
    writeNote(fs, partial, Buffer.from(printSummary(summary)));
    fs.rename(partial, summaryPath(archive));
  } catch (error) {
    unlinkIfThere(fs, partial);
    throw error;
  }
}

/** The summary of an archive; undefined where there is none, or it is damaged or of another file. */
export function readSummary(
  fs: Filesystem,
  archive: Bytes,
  { size, mtimeNs }: Pick<Stat, "size" | "mtimeNs">,
): Summary | undefined {
  const summary = notedSummary(fs, archive);
  if (!summary || summary.file.size !== size || summary.file.mtimeNs !== String(mtimeNs)) return undefined;
  return summary;
}

/** Notes what is wrong with an archive, or, with undefined, that nothing is, where there is a summary of it. */
export function noteVerified(fs: Filesystem, archive: Bytes, bad: string | undefined): void {
  const summary = readSummary(fs, archive, fs.lstat(archive));
  if (summary === undefined || summary.bad === bad) return;
  const { bad: _, ...rest } = summary;
  // Nobody holds the lock to verify: two may be at it at once.
  saveSummary(fs, archive, bad === undefined ? rest : { ...rest, bad }, `.${randomBytes(6).toString("hex")}`);
}

/** The summary that is noted under an archive's name, of whatever file it is. */
export function notedSummary(fs: Filesystem, archive: Bytes): Summary | undefined {
  const note = readNote(fs, summaryPath(archive), LARGEST_SUMMARY);
  return note && parseSummary(note.toString("utf8"));
}

function digestPath(directory: Bytes, name: Bytes): Bytes {
  return under(catalogDirectory(directory), `${name}.sha256` as Bytes);
}

/** Notes the digest of an archive beside its index, in the format of sha256sum. */
export function recordDigest(fs: Filesystem, archive: Bytes, sha256: string): void {
  makeCatalog(fs, parentOf(archive));
  const path = digestPath(parentOf(archive), nameOf(archive));
  unlinkIfThere(fs, path);
  writeNote(fs, path, Buffer.from(`${sha256}  ../../${nameOf(archive)}\n`, "latin1"));
}

/** The digest that was noted when an archive was published, where there is a note. */
export function recordedDigest(fs: Filesystem, archive: Bytes): string | undefined {
  const note = readNote(fs, digestPath(parentOf(archive), nameOf(archive)), 64);
  return note && /^[0-9a-f]{64}$/.exec(note.toString("latin1"))?.[0];
}

function writeNote(fs: Filesystem, path: Bytes, data: Buffer): void {
  const fd = fs.create(path, 0o600);
  try {
    writeAll(fs, fd, data);
  } finally {
    fs.close(fd);
  }
}

/** The first bytes of a note, where there is one that can be read. */
function readNote(fs: Filesystem, path: Bytes, most: number): Buffer | undefined {
  try {
    const fd = fs.openRead(path);
    try {
      const note = Buffer.alloc(Math.min(most, fs.fstat(fd).size));
      return note.subarray(0, readFull(fs, fd, note, 0));
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM", "EISDIR", "ELOOP", "EIO")) return undefined;
    throw error;
  }
}

const SALT = 32;

/**
 * What makes the digests of an archive directory its own, so that those of two directories tell nothing of each other.
 * Made when it is first asked for: by who holds the lock.
 */
export function saltOf(fs: Filesystem, directory: Bytes): Buffer {
  const path = under(directory, bytesOf(".holdstill/salt"));
  const known = readNote(fs, path, SALT);
  if (known?.length === SALT) return known;
  const salt = randomBytes(SALT);
  makeCatalog(fs, directory);
  unlinkIfThere(fs, path);
  writeNote(fs, path, salt);
  return salt;
}
