import { createHash, type Hash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { decrypted } from "./age/open.js";
import { isAge, isArmored } from "./age/sealed.js";
import { checkArchive, type Checked, type Observer } from "./archive/check.js";
import { containerProblem, decompressor, findZstd, recognise, type Compression } from "./archive/compress.js";
import { bytesOf, type Bytes } from "./bytes.js";
import { HoldstillError, isErrno } from "./errors.js";
import type { Filesystem, Stat } from "./filesystem.js";
import type { Phase } from "./report/events.js";
import type { Surroundings } from "./surroundings.js";

export type ReadNeeds = Pick<Surroundings, "fs" | "env" | "signal" | "onEvent" | "unseal">;

export interface ArchiveFile {
  /** With its links resolved. */
  readonly path: Bytes;
  /** As the user knows it. */
  readonly shown: string;
}

/** What came of reading an archive to its last byte. */
export interface Read<T> {
  readonly result: T;
  /** Of the archive as it is stored, like the digest. */
  readonly bytes: number;
  readonly sha256: string;
}

/** The tar in an archive; `onFile` is to be called after each file, for progress. */
type Use<T> = (tar: AsyncIterable<Buffer>, onFile: () => void) => Promise<T>;

const CHUNK = 1 << 20;

/**
 * Finds an archive by its path.
 * @throws HoldstillError `no-archive`
 */
export function findArchive(fs: Filesystem, path: string): ArchiveFile {
  const real = found(path, () => fs.realpath(bytesOf(path)));
  assertFile(
    found(path, () => fs.lstat(real)),
    path,
  );
  return { path: real, shown: path };
}

function assertFile({ kind }: Pick<Stat, "kind">, shown: string): void {
  if (kind === "directory") {
    throw new HoldstillError("no-archive", "this is a directory, not an archive", {
      ...{ path: shown, hint: "Name an archive in it, or use `verify --all --output DIR`." },
    });
  }
  if (kind !== "file") throw new HoldstillError("no-archive", "this is not a file", { path: shown });
}

/**
 * Reads an archive whole and compares everything in it with its index.
 * @param observer shown all but a manifest at the beginning
 * @throws HoldstillError `no-archive`, or `bad-archive` that names the first thing that is wrong
 */
export function checkFile(
  archive: ArchiveFile,
  around: ReadNeeds,
  { phase = "verify", observer }: { readonly phase?: Phase; readonly observer?: Observer } = {},
): Promise<Read<Checked>> {
  return readArchive(archive, around, phase, async (tar, onFile, assertContainer) => {
    const checked = await checkArchive(tar, onFile, observer);
    if (checked.index !== undefined) assertContainer();
    return checked;
  });
}

/**
 * Hands the decompressed tar of an archive to a reader that need not be interested in the end of it.
 * @throws HoldstillError `no-archive`, `bad-archive`
 */
export async function readTarOf<T>(archive: ArchiveFile, around: ReadNeeds, phase: Phase, use: Use<T>): Promise<T> {
  return (await readArchive(archive, around, phase, use)).result;
}

/** The digest of an archive as it is stored, whatever that is. */
export async function digestOf(archive: ArchiveFile, around: ReadNeeds): Promise<Omit<Read<unknown>, "result">> {
  const { fs, signal } = around;
  const fd = found(archive.shown, () => fs.openRead(archive.path));
  try {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of chunksOf(fs, fd, hash)) {
      signal.throwIfAborted();
      bytes += chunk.length;
    }
    return { bytes, sha256: hash.digest("hex") };
  } finally {
    fs.close(fd);
  }
}

type CheckedUse<T> = (tar: AsyncIterable<Buffer>, onFile: () => void, assertContainer: () => void) => Promise<T>;

async function readArchive<T>(
  { path, shown }: ArchiveFile,
  around: ReadNeeds,
  phase: Phase,
  use: CheckedUse<T>,
): Promise<Read<T>> {
  const { fs, onEvent } = around;
  const fd = found(shown, () => fs.openRead(path));
  try {
    const stat = fs.fstat(fd);
    assertFile(stat, shown);
    onEvent({ type: "phase", phase, totalBytes: stat.size });
    return await blaming(shown, () => readFile(fd, around, use));
  } finally {
    fs.close(fd);
  }
}

/** Says of which archive a complaint is. */
export function blaming<T>(archive: string, act: () => T): T {
  const named = (error: unknown): never => {
    if (!(error instanceof HoldstillError) || error.path !== undefined) throw error;
    if (error.code !== "bad-archive" && error.code !== "wrong-key") throw error;
    const { code, message, hint, cause } = error;
    throw new HoldstillError(code, message, { path: archive, hint, cause });
  };
  try {
    const result = act();
    return result instanceof Promise ? (result.catch(named) as T) : result;
  } catch (error) {
    return named(error);
  }
}

async function readFile<T>(fd: number, around: ReadNeeds, use: CheckedUse<T>): Promise<Read<T>> {
  const { fs, env, signal, onEvent, unseal } = around;
  const first = await readHead(fs, fd);
  if (first.length === 0) throw new HoldstillError("bad-archive", "the file is empty");
  if (isArmored(first)) throw armored();

  const hash = createHash("sha256");
  let bytes = 0;
  let files = 0;
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const chunk of chunksOf(fs, fd, hash)) {
      signal.throwIfAborted();
      bytes += chunk.length;
      onEvent({ type: "progress", files, bytes });
      yield chunk;
    }
  }
  const { head, all } = isAge(first) ? await begun(decrypted(chunks(), unseal)) : { head: first, all: chunks() };
  const format = recognise(head);
  if (format === undefined) throw new HoldstillError("bad-archive", "this is no archive: neither tar, gzip nor zstd");
  const result = await pipeline(all, decompressor(format, findZstd(env["PATH"])), (tar: AsyncIterable<Buffer>) =>
    use(
      tar,
      () => void files++,
      () => checkContainer(format, head),
    ),
  );
  return { result, bytes, sha256: hash.digest("hex") };
}

/** Decompressors do not mind everything in a container's header. */
function checkContainer(format: Compression, head: Buffer): void {
  const problem = containerProblem(format, head);
  if (problem !== undefined) throw new HoldstillError("bad-archive", `the archive is damaged: ${problem}`);
}

function found<T>(path: string, find: () => T): T {
  try {
    return find();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) {
      throw new HoldstillError("no-archive", "there is no such archive", { path, cause: error });
    }
    if (isErrno(error, "EACCES", "EPERM")) {
      throw new HoldstillError("no-archive", "the archive may not be read", {
        ...{ path, cause: error },
        hint: "Archives belong to who made them, with mode 0600: look as that user, or as root.",
      });
    }
    throw new HoldstillError("io", "the archive cannot be opened", { path, cause: error });
  }
}

function armored(): HoldstillError {
  return new HoldstillError("bad-archive", "this is age's text format, and holdstill reads its binary one", {
    hint: "`age --decrypt` takes it; what comes out is an archive.",
  });
}

/** Enough of a file to tell what it is. */
const HEAD = 512;

/** The same of bytes that can be read but once. */
async function begun(chunks: AsyncGenerator<Buffer>) {
  let head: Buffer = Buffer.alloc(0);
  let isOver = false;
  while (head.length < HEAD && !isOver) {
    const next = await chunks.next();
    if (next.done === true) isOver = true;
    else head = Buffer.concat([head, next.value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield head;
    yield* chunks;
  }
  return { head, all: all() };
}

async function readHead(fs: Filesystem, fd: number): Promise<Buffer> {
  const head = Buffer.alloc(HEAD);
  let length = 0;
  while (length < head.length) {
    const read = await fs.readAsync(fd, head, length, head.length - length, length);
    if (read === 0) break;
    length += read;
  }
  return head.subarray(0, length);
}

async function* chunksOf(fs: Filesystem, fd: number, hash: Hash): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    // A new buffer each time: the decompressor may still hold the last one.
    const chunk = Buffer.allocUnsafeSlow(CHUNK);
    const read = await fs.readAsync(fd, chunk, 0, CHUNK, position);
    if (read === 0) return;
    position += read;
    hash.update(chunk.subarray(0, read));
    yield chunk.subarray(0, read);
  }
}
