import { giveBuffer } from "../buffer-pool.js";
import { BROKEN, HoldstillError, isErrno, isNoSpace } from "../errors.js";
import { textOf, type Bytes } from "../bytes.js";
import type { Filesystem, Stat } from "../filesystem.js";
import { pathOfDescriptor } from "./descent.js";
import type { Method, Verdict } from "./entry.js";
import type { Stage } from "./place.js";
import { fileSink, storeBytes } from "./private-copy.js";
import { readQuietly, readStill, type QuietOptions } from "./quiet.js";
import { unchanged } from "./sameness.js";

/** Files up to this size are read in one piece. */
export const SMALL = 1 << 20;

/** A regular file that is in the stage. */
export interface CapturedFile {
  readonly status: "captured";
  readonly method: Exclude<Method, "database">;
  readonly staged: Bytes;
  readonly stat: Stat;
  readonly at: number;
  readonly verdict?: Verdict;
}

export type Captured =
  | CapturedFile
  /** It is to be copied: the descriptor is to be given to `copyOpen`. */
  | { readonly status: "copy"; readonly fd: number; readonly stat: Stat }
  /** The name stands for something else by now. */
  | { readonly status: "other" }
  | { readonly status: "skipped"; readonly reason: "vanished" | "unreadable"; readonly detail?: string };

export type Strategy = "auto" | Exclude<Method, "database">;

/** Why a hard link of a single file may be refused; each is answered by a copy. */
const LINK_REFUSED = ["EPERM", "EMLINK", "EXDEV", "EROFS", "EACCES"] as const;
const CLONE_REFUSED = [
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "ENOTTY",
  "EXDEV",
  "EPERM",
  "EINVAL",
  "ETXTBSY",
  "EROFS",
] as const;

/**
 * The first method that works on the mount of the source.
 * @throws HoldstillError `usage` where the one that was asked for does not work there
 */
export function methodFor(stage: Stage, strategy: Strategy, root: Bytes): CapturedFile["method"] {
  if (strategy === "copy") return "copy";
  const works = { clone: stage.clones, link: stage.links };
  if (strategy !== "auto") {
    if (works[strategy]) return strategy;
    throw new HoldstillError("usage", `--strategy ${strategy} does not work here: the filesystem refuses it`, {
      path: textOf(root),
      hint: "Use --strategy auto, which takes the first of clone, link and copy that works.",
    });
  }
  return works.clone ? "clone" : works.link ? "link" : "copy";
}

/**
 * Takes the regular file at `from` into the stage by the given method, or opens it to be copied where that is refused.
 * Waits for nothing.
 */
export function capture(
  fs: Filesystem,
  stage: Stage,
  method: CapturedFile["method"],
  from: Bytes,
  now: () => number,
): Captured {
  try {
    if (method === "link") return captureLink(fs, stage, from, now);
    return captureOpen(fs, stage, method, from, now);
  } catch (error) {
    return ofError(stage, error);
  }
}

function captureLink(fs: Filesystem, stage: Stage, from: Bytes, now: () => number): Captured {
  const staged = stage.next();
  try {
    fs.link(from, staged);
  } catch (error) {
    if (isErrno(error, ...LINK_REFUSED)) return captureOpen(fs, stage, "copy", from, now);
    throw error;
  }
  // What was linked, not what was listed: the name may have been given to another file since.
  const stat = fs.lstat(staged);
  if (stat.kind !== "file") {
    fs.unlink(staged);
    return { status: "other" };
  }
  return { status: "captured", method: "link", staged, stat, at: now() };
}

function captureOpen(fs: Filesystem, stage: Stage, method: "clone" | "copy", from: Bytes, now: () => number): Captured {
  const fd = fs.openRead(from);
  let keep = false;
  try {
    const stat = fs.fstat(fd);
    if (stat.kind !== "file") return { status: "other" };
    if (method === "clone") {
      const cloned = captureClone(fs, stage, fd, stat, now);
      if (cloned) return cloned;
    }
    keep = true;
    return { status: "copy", fd, stat };
  } finally {
    if (!keep) fs.close(fd);
  }
}

function captureClone(
  fs: Filesystem,
  stage: Stage,
  fd: number,
  stat: Stat,
  now: () => number,
): CapturedFile | undefined {
  const staged = stage.next();
  try {
    fs.reflink(pathOfDescriptor(fd), staged);
  } catch (error) {
    if (!isErrno(error, ...CLONE_REFUSED)) throw error;
    try {
      fs.unlink(staged);
    } catch (missing) {
      if (!isErrno(missing, "ENOENT")) throw missing;
    }
    return undefined;
  }
  const at = now();
  const after = fs.fstat(fd);
  const { size } = unchanged(stat, after) ? after : fs.lstat(staged);
  return { status: "captured", method: "clone", staged, stat: { ...after, size }, at };
}

/** Copies an open file into the stage, whole: see `readQuietly`. Closes it. */
export async function copyOpen(
  fs: Filesystem,
  stage: Stage,
  fd: number,
  options: QuietOptions,
): Promise<Exclude<Captured, { status: "copy" | "other" }>> {
  const copy = fileSink(fs, stage);
  try {
    const stat = fs.fstat(fd);
    const still = stat.size <= SMALL ? copyStill(fs, stage, fd, stat, options.now()) : undefined;
    if (still) return still;
    const reading = await readQuietly(fs, fd, copy.sink, options);
    const { outcome, size, at } = reading;
    const first = unchanged(stat, reading.stat) ? (outcome === "grown" ? "prefix" : "exact") : "recaptured";
    const verdict = outcome === "restless" ? "unstable" : first;
    return { status: "captured", method: "copy", staged: copy.keep(), stat: { ...reading.stat, size }, at, verdict };
  } catch (error) {
    const failed = ofError(stage, error);
    if (failed.status === "other") throw error;
    return failed;
  } finally {
    copy.discard();
    fs.close(fd);
  }
}

/** The copy of a small file that nobody has touched for a while, in one go. */
function copyStill(fs: Filesystem, stage: Stage, fd: number, stat: Stat, at: number): CapturedFile | undefined {
  const bytes = readStill(fs, fd, stat, at, stage.coarseClock);
  if (!bytes) return undefined;
  const staged = storeBytes(fs, stage, bytes);
  giveBuffer(bytes);
  return { status: "captured", method: "copy", staged, stat, at, verdict: "exact" };
}

/** What an error while a live file was being captured means for the run. */
function ofError(stage: Stage, error: unknown): Extract<Captured, { status: "skipped" | "other" }> {
  if (isNoSpace(error)) {
    throw new HoldstillError("no-space", "no space is left for the stage", {
      path: textOf(stage.path),
      hint: "Free some space on the source's filesystem.",
      cause: error,
    });
  }
  if (isErrno(error, "ENOENT", "ESTALE")) {
    stage.assertPresent();
    return { status: "skipped", reason: "vanished" };
  }
  // A name that became a link, a socket or a directory since it was listed.
  if (isErrno(error, "ELOOP", "ENXIO", "ENODEV", "EISDIR")) return { status: "other" };
  if (isErrno(error, "EACCES", "EPERM", ...BROKEN, "EBUSY", "ENOTCONN", "EOVERFLOW")) {
    return { status: "skipped", reason: "unreadable", detail: error.code ?? "" };
  }
  throw error;
}
