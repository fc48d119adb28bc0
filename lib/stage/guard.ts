import { takeBuffer } from "../buffer-pool.js";
import type { Bytes } from "../bytes.js";
import { BROKEN, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { SMALL } from "./capture.js";
import { completeLines, completeLinesIn, mayEndInHalfALine } from "./cut.js";
import type { Fingerprint, FrozenFile, Verdict } from "./entry.js";
import { fingerprintMatches } from "./fingerprint.js";
import { isAppended } from "./kinds.js";
import type { Stage } from "./place.js";
import { fileSink } from "./private-copy.js";
import { memorySink, readFull, readPrefix, readQuietly, readStill, type QuietOptions, type Sink } from "./quiet.js";
import { ageMs, isFresh, unchanged } from "./sameness.js";

/** A linked file over 1 MiB that was modified so shortly before its freeze is copied before its header is written. */
const HOT_MS = 60_000;

/** Whether a file was modified so shortly before its capture that it may well be modified again. */
export function isHot(file: Pick<FrozenFile, "mtimeNs" | "at">): boolean {
  return ageMs(file, file.at) <= HOT_MS;
}

/** What is known of a file's bytes when its header is written. */
export interface Proof {
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly verdict: Verdict;
  /** Bytes left off behind the last complete line. */
  readonly cut: number;
  readonly at: number;
}

export type Body =
  | { readonly status: "bytes"; readonly proof: Proof; readonly bytes: Buffer }
  /** To be read from `fd` and closed. `stillTrue` says, after that, whether the proof held all the while. */
  | StreamedBody
  | { readonly status: "unreadable"; readonly detail: string };

interface StreamedBody {
  readonly status: "stream";
  readonly proof: Proof;
  readonly fd: number;
  readonly stillTrue: () => boolean;
  /** The path of the private copy that is read, where those are kept. */
  readonly copy?: Bytes;
}

export interface GuardOptions {
  readonly stage: Stage;
  /** Takes a private copy first, however quiet the file looks: one has changed while it was streamed. */
  readonly copyFirst: boolean;
  /** Lets a private copy of a large file have a name, which is the caller's to remove; otherwise it is gone when closed. */
  readonly keepCopies?: boolean;
  readonly quiet: Pick<QuietOptions, "now" | "pause">;
}

/**
 * Opens a frozen file and decides what of it is archived. Clones and copies are what they were; through a hard link the
 * live program may have written since.
 */
export function guard(fs: Filesystem, file: FrozenFile, options: GuardOptions): Body | Promise<Body> {
  let fd: number;
  try {
    fd = fs.openRead(file.staged);
  } catch (error) {
    if (isErrno(error, "ENOENT")) throw options.stage.missing(error);
    if (!isErrno(error, "EACCES", "EPERM", ...BROKEN)) throw error;
    return { status: "unreadable", detail: error.code ?? "" };
  }
  const opened = (body: Body): Body => {
    if (body.status !== "stream" || body.fd !== fd) fs.close(fd);
    return body;
  };
  const failed = (error: unknown): Body => {
    fs.close(fd);
    if (!isErrno(error, ...BROKEN)) throw error;
    return { status: "unreadable", detail: error.code ?? "" };
  };
  let body: Body | Promise<Body>;
  try {
    body = file.method === "link" ? guardLink(fs, fd, file, options) : guardPrivate(fs, fd, file);
  } catch (error) {
    return failed(error);
  }
  return body instanceof Promise ? body.then(opened, failed) : opened(body);
}

/** Which bytes of which moment, before the cut. */
interface Taken {
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly verdict: Verdict;
  readonly at: number;
}

function guardPrivate(fs: Filesystem, fd: number, file: FrozenFile): Body {
  const taken = { size: file.size, mtimeNs: file.mtimeNs, verdict: file.verdict ?? "exact", at: file.at };
  if (file.size > SMALL) return streamed(fs, fd, file, taken);
  const bytes = takeBuffer(file.size);
  if (readFull(fs, fd, bytes, 0) < file.size)
    throw new Error(`${file.staged} is shorter than it was when it was taken`);
  return buffered(file, bytes, taken);
}

/** What nobody has touched for a while is had at once. */
function guardLink(fs: Filesystem, fd: number, file: FrozenFile, options: GuardOptions): Body | Promise<Body> {
  const { stage, copyFirst, quiet } = options;
  const { size, mtimeNs, at } = file;
  const readAt = quiet.now();
  const stat = fs.fstat(fd);
  if (unchanged(file, stat)) {
    const same = isSame(fs, fd, file, stage.coarseClock);
    const taken: Taken = { size, mtimeNs, verdict: same ? "exact" : "recaptured", at: same ? at : readAt };
    const bytes = size <= SMALL ? readStill(fs, fd, stat, readAt, stage.coarseClock) : undefined;
    if (bytes) return buffered(file, bytes, taken);
    if (size > SMALL && !copyFirst && !isHot(file)) {
      return streamed(fs, fd, file, taken, () => unchanged(file, fs.fstat(fd)));
    }
  }
  return guardMoved(fs, fd, file, options);
}

async function guardMoved(fs: Filesystem, fd: number, file: FrozenFile, options: GuardOptions): Promise<Body> {
  const { size, fingerprint } = file;
  // Asked anew: it may have grown while it was read.
  if (fingerprint && isAppended(file.alias ?? file.path) && fs.fstat(fd).size > size) {
    const prefix = await takePrefix(fs, fd, file, fingerprint, options);
    if (prefix) return prefix;
  }
  return recapture(fs, fd, file, options);
}

/** Whether the bytes of a file whose size and mtime are those of its freeze are so too. */
function isSame(fs: Filesystem, fd: number, file: FrozenFile, coarseClock: boolean): boolean {
  const { size, at, fingerprint } = file;
  if (!isFresh(file, at, coarseClock)) return true;
  return fingerprint !== undefined && fingerprintMatches(fs, fd, size, fingerprint);
}

/** The bytes up to the size at the freeze, if the fingerprint says before and after that there was only appending. */
async function takePrefix(
  fs: Filesystem,
  fd: number,
  file: FrozenFile,
  fingerprint: Fingerprint,
  options: GuardOptions,
): Promise<Body | undefined> {
  const { size, mtimeNs, at } = file;
  const bytes = bytesFor(fs, options, size);
  try {
    const whole =
      fingerprintMatches(fs, fd, size, fingerprint) &&
      (await readPrefix(fs, fd, bytes.sink, size)) &&
      fingerprintMatches(fs, fd, size, fingerprint);
    return whole ? bytes.body(file, { size, mtimeNs, verdict: "prefix", at }) : undefined;
  } finally {
    bytes.done();
  }
}

/** The bytes of another moment than that of the freeze, if need be: read again until the file is quiet. */
async function recapture(fs: Filesystem, fd: number, file: FrozenFile, options: GuardOptions): Promise<Body> {
  const { stage, quiet } = options;
  const bytes = bytesFor(fs, options, Math.max(file.size, fs.fstat(fd).size));
  try {
    const appended = isAppended(file.alias ?? file.path);
    const reading = await readQuietly(fs, fd, bytes.sink, { ...quiet, appended, coarseClock: stage.coarseClock });
    const { size, stat, outcome } = reading;
    const frozen = outcome !== "restless" && unchanged(file, stat) && isSame(fs, fd, file, stage.coarseClock);
    const same = outcome === "grown" ? "prefix" : "exact";
    const verdict = outcome === "restless" ? "unstable" : frozen ? same : "recaptured";
    return bytes.body(file, { size, mtimeNs: stat.mtimeNs, verdict, at: frozen ? file.at : reading.at });
  } finally {
    bytes.done();
  }
}

/** A place for bytes on their way: in memory, or a private copy in the stage. */
interface Holder {
  readonly sink: Sink;
  readonly body: (file: FrozenFile, taken: Taken) => Body;
  readonly done: () => void;
}

function bytesFor(fs: Filesystem, { stage, keepCopies }: GuardOptions, size: number): Holder {
  if (size <= SMALL) {
    const sink = memorySink();
    return {
      sink,
      body: (file, taken) => buffered(file, sink.bytes().subarray(0, taken.size), taken),
      done: () => undefined,
    };
  }
  const copy = fileSink(fs, stage);
  const body: Holder["body"] = (file, taken) => {
    if (keepCopies !== true) return streamed(fs, copy.takeOut(), file, taken);
    const path = copy.keep();
    return { ...streamed(fs, fs.openRead(path), file, taken), copy: path };
  };
  return { sink: copy.sink, body, done: copy.discard };
}

function buffered(file: FrozenFile, bytes: Buffer, taken: Taken): Body {
  const { mtimeNs, at, verdict } = taken;
  const size = mayEndInHalfALine(file, mtimeNs, at, verdict) ? completeLines(bytes) : bytes.length;
  const proof = { size, mtimeNs, verdict: verdictOf(file, taken), cut: bytes.length - size, at };
  return { status: "bytes", proof, bytes: size === bytes.length ? bytes : bytes.subarray(0, size) };
}

function streamed(fs: Filesystem, fd: number, file: FrozenFile, taken: Taken, stillTrue = () => true): StreamedBody {
  const half = mayEndInHalfALine(file, taken.mtimeNs, taken.at, taken.verdict);
  const size = half ? completeLinesIn(fs, fd, taken.size) : taken.size;
  const proof = { ...taken, verdict: verdictOf(file, taken), size, cut: taken.size - size };
  return { status: "stream", proof, fd, stillTrue };
}

/** What was not to be trusted when it was captured is not, however quiet it is. */
function verdictOf(file: FrozenFile, { verdict }: Taken): Verdict {
  return file.verdict === "unstable" ? "unstable" : verdict;
}
