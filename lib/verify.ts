import { createHash, type Hash } from "node:crypto";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { checkArchive, type Checked } from "./archive/check.js";
import { containerProblem, decompressor, findZstd, recognise, type Compression } from "./archive/compress.js";
import { bytesOf, textOf, type Bytes } from "./bytes.js";
import { HoldstillError, isErrno } from "./errors.js";
import type { TarVisitor } from "./archive/read.js";
import type { Filesystem } from "./filesystem.js";
import type { Surroundings } from "./surroundings.js";
import { recordedDigest } from "./vault/catalog.js";
import { databaseChecks, judgeDatabases, type DatabaseNeeds } from "./verify-databases.js";

/** What `verify` found in a good archive: the document that `verify --json` prints. Sizes are in bytes. */
export interface VerifyReport {
  readonly archive: string;
  readonly ok: true;
  /** Whether holdstill made it. */
  readonly holdstill: boolean;
  readonly id?: string;
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly hardlinks: number;
  readonly databases: number;
  /** Of all files in it. */
  readonly bytes: number;
  /** Of the archive itself, like the digest. */
  readonly archiveBytes: number;
  readonly sha256: string;
  /** What could not be checked: sentences. */
  readonly unchecked: readonly string[];
}

type Needs = Pick<Surroundings, "fs" | "env" | "signal" | "onEvent">;

/** What reading an archive to its last byte brought to light. */
interface Read {
  readonly checked: Checked;
  readonly bytes: number;
  readonly sha256: string;
}

const CHUNK = 1 << 20;

/**
 * Reads an archive whole and compares all of it with its index.
 * @throws HoldstillError `no-archive`, or `bad-archive` that names the first thing that is wrong
 */
export async function verify(
  path: string,
  around: Pick<Surroundings, "cwd"> & Needs & DatabaseNeeds,
): Promise<VerifyReport> {
  const archive = resolve(around.cwd, path);
  const real = realPath(around.fs, archive);
  const databases = databaseChecks(around);
  try {
    const { checked, bytes, sha256 } = await readArchive(real, archive, around, databases.bodies);
    const unchecked = blaming(archive, () => {
      assertRecorded(around.fs, real, sha256);
      return judgeDatabases(checked, databases.bodies);
    });
    return {
      ...{ archive, ok: true, holdstill: checked.index !== undefined },
      ...(checked.index && { id: checked.index.snapshot.id }),
      ...checked.counts,
      ...{ archiveBytes: bytes, sha256, unchecked: [...checked.unchecked, ...unchecked] },
    };
  } finally {
    await databases.close();
  }
}

/** Decoders take more than one spelling of the same content: of a flipped bit in one, only a digest can tell. */
function assertRecorded(fs: Filesystem, archive: Bytes, sha256: string): void {
  const recorded = recordedDigest(fs, archive);
  if (recorded === undefined || recorded === sha256) return;
  throw new HoldstillError("bad-archive", "its bytes are not those that were written, though all that is in it is", {
    hint: "Its sha256 is not the one noted beside it in .holdstill/index: suspect the disk, and make a new backup.",
  });
}

/**
 * Reads back an archive that this run has written.
 * @param indexSha256 of all lines of its index but the last
 * @returns the sha256 of the archive
 * @throws HoldstillError `verify-failed`
 */
export async function verifyWritten(path: Bytes, indexSha256: string, around: Needs): Promise<string> {
  try {
    const { checked, sha256 } = await readArchive(path, textOf(path), around);
    if (checked.index?.sha256 === indexSha256) return sha256;
    throw new HoldstillError("bad-archive", "its index is not the one that was written");
  } catch (error) {
    if (!(error instanceof HoldstillError) || error.code !== "bad-archive") throw error;
    throw new HoldstillError("verify-failed", `The archive did not verify: ${error.message}`, {
      ...{ path: textOf(path), cause: error },
      hint: "Nothing was published. If it happens again, suspect the disk or the memory.",
    });
  }
}

async function readArchive(path: Bytes, shown: string, around: Needs, observer?: Required<TarVisitor>): Promise<Read> {
  const { fs, onEvent } = around;
  const fd = open(fs, path, shown);
  try {
    const { kind, size } = fs.fstat(fd);
    if (kind === "directory") {
      throw new HoldstillError("no-archive", "This is a directory, not an archive.", {
        ...{ path: shown, hint: "Name an archive in it, or use `verify --all --output DIR`." },
      });
    }
    if (kind !== "file") throw new HoldstillError("no-archive", "This is not a file.", { path: shown });
    onEvent({ type: "phase", phase: "verify", totalBytes: size });
    return await blaming(shown, () => readFile(fd, around, observer));
  } finally {
    fs.close(fd);
  }
}

/** Says of which archive a complaint is. */
function blaming<T>(archive: string, act: () => T): T {
  const named = (error: unknown): never => {
    if (!(error instanceof HoldstillError) || error.code !== "bad-archive" || error.path !== undefined) throw error;
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

async function readFile(
  fd: number,
  { fs, env, signal, onEvent }: Needs,
  observer: Required<TarVisitor> | undefined,
): Promise<Read> {
  const head = await readHead(fs, fd);
  if (head.length === 0) throw new HoldstillError("bad-archive", "The file is empty.");
  const format = recognise(head);
  if (format === undefined) throw new HoldstillError("bad-archive", "This is no archive: neither tar, gzip nor zstd.");

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
  const checked = await pipeline(chunks, decompressor(format, findZstd(env.PATH)), (tar: AsyncIterable<Buffer>) =>
    checkArchive(tar, () => void files++, observer),
  );
  if (checked.index !== undefined) checkContainer(format, head);
  return { checked, bytes, sha256: hash.digest("hex") };
}

/** Decompressors do not mind everything in a container's header. */
function checkContainer(format: Compression, head: Buffer): void {
  const problem = containerProblem(format, head);
  if (problem !== undefined) throw new HoldstillError("bad-archive", `The archive is damaged: ${problem}.`);
}

function realPath(fs: Filesystem, path: string): Bytes {
  return found(path, () => fs.realpath(bytesOf(path)));
}

function open(fs: Filesystem, path: Bytes, shown: string): number {
  return found(shown, () => fs.openRead(path));
}

function found<T>(path: string, find: () => T): T {
  try {
    return find();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) {
      throw new HoldstillError("no-archive", "There is no such archive.", { path, cause: error });
    }
    throw new HoldstillError("io", "The archive cannot be opened.", { path, cause: error });
  }
}

/** Enough of the file to tell what it is. */
async function readHead(fs: Filesystem, fd: number): Promise<Buffer> {
  const head = Buffer.alloc(512);
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
