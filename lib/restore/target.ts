import { parentOf, textOf, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno, isNoSpace } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { nearestExisting } from "../nearest-existing.js";
import { hasDescriptorPaths, pathOfDescriptor } from "../stage/descent.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { describeOwner, isDead, startTimeOf, type Owner } from "../vault/owner.js";
import { clearDirectory } from "./clear.js";
import { isCutMark, PARTIAL, readMark, writeMark, type PartialMark } from "./partial-mark.js";

/** What is at the path of a target before anything is done. */
export interface Site {
  /** Links resolved as far as it exists. */
  readonly path: Bytes;
  readonly state: "absent" | "empty" | "partial";
  /** How many names are there beside the mark. */
  readonly holds: number;
  /** Of an earlier run that did not come to its end. */
  readonly mark?: PartialMark;
}

/** A directory that is being filled. */
export interface Target {
  readonly path: Bytes;
  /** By which it is opened again, whatever becomes of its path. */
  readonly root: Bytes;
  readonly fd: number;
  /** Whether owners can be given away. */
  readonly isRoot: boolean;
  /** Of what is made here. */
  readonly uid: number;
  readonly gid: number;
  /** Takes the mark away: what is here is whole. */
  readonly complete: () => void;
  /** Removes what was written, and the directory itself if this run made it. */
  readonly undo: () => void;
  readonly close: () => void;
}

/**
 * Looks at where files are to be restored.
 * @throws HoldstillError `output-exists` where there is anything but an empty directory or a partial restore
 */
export function examine(fs: Filesystem, path: Bytes, me: Owner, nowMs: number): Site {
  const real = realOf(fs, path);
  const names = listOf(fs, real);
  if (names === undefined) return { path: real, state: "absent", holds: 0 };
  if (names.length === 0) return { path: real, state: "empty", holds: 0 };
  const mark = names.includes(PARTIAL) ? readMark(fs, real) : undefined;
  if (mark === undefined && names.length === 1 && isCutMark(fs, real))
    return { path: real, state: "partial", holds: 0 };
  if (mark === undefined) {
    throw new HoldstillError("output-exists", "the target is not empty", {
      path: textOf(path),
      hint: "Name a directory that is new or empty; nothing is ever restored over other files.",
    });
  }
  if (!isDead(mark.owner, me, mark.touchedMs, nowMs, startTimeOf)) {
    throw new HoldstillError("output-exists", `another restore is at work there: ${describeOwner(mark.owner)}`, {
      path: textOf(path),
      hint: "Wait for it, or name another target.",
    });
  }
  return { path: real, state: "partial", holds: names.length - 1, mark };
}

/** @throws HoldstillError `output-exists` where the site is a partial restore of another archive */
export function assertSameArchive({ path, mark }: Site, digest: string): void {
  if (mark === undefined || mark.digest === digest) return;
  throw new HoldstillError("output-exists", "the target is a partial restore of another archive", {
    path: textOf(path),
    hint: `It is of ${mark.archive}. Remove it, or name another target.`,
  });
}

/** @throws HoldstillError `no-space` */
export function assertSpace(fs: Filesystem, { path }: Site, bytes: number, sizeText: (bytes: number) => string): void {
  const { available } = fs.space(nearestExisting(fs, path));
  if (bytes <= available) return;
  throw new HoldstillError("no-space", `${sizeText(bytes)} are needed and ${sizeText(available)} are free`, {
    path: textOf(path),
    hint: "Nothing was written. Free some space, name a target elsewhere, or take less with --include.",
  });
}

/** Makes the directory with those above it, or empties a partial restore, and marks it partial. */
export function beginTarget(fs: Filesystem, { path, state }: Site, mark: Omit<PartialMark, "touchedMs">): Target {
  const made = explained(path, () => (state === "absent" ? makeDirectories(fs, path) : []));
  const fd = explained(path, () => fs.openDirectory(path));
  try {
    const base = hasDescriptorPaths(fs) ? pathOfDescriptor(fd) : path;
    const removeMark = (): void => fs.unlink(`${base}/${PARTIAL}` as Bytes);
    if (state === "partial") {
      explained(path, () => clearDirectory(fs, base, PARTIAL));
      removeMark();
    }
    // Somebody may have put something there while the archive was read.
    const found = fs.list(base);
    if (found.length > 0) throw new HoldstillError("output-exists", "the target is not empty", { path: textOf(path) });
    const { uid, gid } = explained(path, () => writeMark(fs, base, mark));
    return {
      // Behind a descriptor's path there is a link, which is not followed by who opens a directory.
      ...{ path, root: `${base}/.` as Bytes, fd, uid, gid, isRoot: uid === 0 },
      complete: removeMark,
      undo() {
        clearDirectory(fs, base, PARTIAL);
        // What fails last does so when the mark is gone.
        unlinkIfThere(fs, `${base}/${PARTIAL}` as Bytes);
        for (const directory of made) fs.rmdir(directory);
      },
      close: () => fs.close(fd),
    };
  } catch (error) {
    fs.close(fd);
    throw error;
  }
}

/** Returns those that were made, the deepest first. */
function makeDirectories(fs: Filesystem, path: Bytes): Bytes[] {
  try {
    fs.mkdir(path, 0o700);
    return [path];
  } catch (error) {
    if (!isErrno(error, "ENOENT") || parentOf(path) === "") throw error;
  }
  const above = makeDirectories(fs, parentOf(path));
  fs.mkdir(path, 0o700);
  return [path, ...above];
}

function listOf(fs: Filesystem, path: Bytes): Bytes[] | undefined {
  try {
    return fs.list(path).map(({ name }) => name);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    if (isErrno(error, "ENOTDIR")) {
      throw new HoldstillError("output-exists", "the target is no directory", { path: textOf(path), cause: error });
    }
    throw unusable(path, error);
  }
}

/** The path with its links resolved, as far as it exists. */
function realOf(fs: Filesystem, path: Bytes): Bytes {
  try {
    return fs.realpath(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT") || parentOf(path) === "" || isLink(fs, path)) throw unusable(path, error);
    const parent = realOf(fs, parentOf(path));
    return `${parent === "/" ? "" : parent}${path.slice(parentOf(path).length)}` as Bytes;
  }
}

/** One that leads nowhere: a directory cannot be made in its place. */
function isLink(fs: Filesystem, path: Bytes): boolean {
  try {
    return fs.lstat(path).kind === "symlink";
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw unusable(path, error);
  }
}

function explained<T>(path: Bytes, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: Bytes, error: unknown): unknown {
  if (error instanceof HoldstillError || !(error instanceof Error) || !("code" in error)) return error;
  const details = { path: textOf(path), cause: error };
  if (isNoSpace(error)) return new HoldstillError("no-space", "no space is left for the target", details);
  return new HoldstillError("output-unusable", `the target cannot be used (${String(error.code)})`, {
    ...details,
    hint: "Check its permissions and its disk, or name another --target.",
  });
}
