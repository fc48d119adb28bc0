import { randomBytes } from "node:crypto";
import { bytesOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem, Stat } from "../filesystem.js";
import { holders } from "../guard/holders.js";
import { ourUid } from "../our-uid.js";
import { statIfThere } from "../stat-if-there.js";
import { isDead, parseOwner, startTimeOf, type Owner } from "../vault/owner.js";
import { hasDescriptorPaths, pathOfDescriptor } from "./descent.js";
import { keepingMtime } from "./mtime.js";

export const STAGE_PREFIX = ".holdstill-stage-";
export const MARKER = "owner.json";

/** The name carries pid and start time, so that a run killed before it wrote the marker can be told dead too. */
const STAGE_NAME = /^\.holdstill-stage-[0-9a-f]+-(\d+)-(\d*)$/;

/** The name of a stage that has the same path in every run. It gets that name with its marker in it: see `placeStage`. */
const LASTING_NAME = /^\.holdstill-stage-[0-9a-f]+$/;

/** The pid in the name of a stage that is being removed. */
const NOBODY = "0";

/** Why a stage may have to stay. A file that was linked into it may have been made immutable since. */
const REFUSED = ["EACCES", "EPERM", "EROFS"] as const;

/**
 * Removes the stages that dead runs left in these directories, and never one whose owner may be alive.
 * @returns how many were removed
 */
export function removeDeadStages(fs: Filesystem, parents: readonly Bytes[], me: Owner, now: number): number {
  let removed = 0;
  for (const { parent, path, stat } of deadStages(fs, parents, me, now)) {
    if (removeAside(fs, parent, path, stat)) removed++;
  }
  return removed;
}

interface DeadStage {
  readonly parent: Bytes;
  readonly path: Bytes;
  readonly stat: Stat;
}

/** The stages that dead runs left in these directories. */
export function deadStages(fs: Filesystem, parents: readonly Bytes[], me: Owner, now: number): DeadStage[] {
  return [...new Set(parents)].flatMap((parent) =>
    listIfThere(fs, parent).flatMap(({ name, kind }) => {
      if (kind !== "directory" || !name.startsWith(STAGE_PREFIX)) return [];
      const path = under(parent, name);
      const stat = ownStage(fs, path);
      return stat && isDeadStage(fs, path, name, me, now) ? [{ parent, path, stat }] : [];
    }),
  );
}

function listIfThere(fs: Filesystem, path: Bytes): ReturnType<Filesystem["list"]> {
  try {
    return fs.list(path);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM")) return [];
    throw error;
  }
}

function isDeadStage(fs: Filesystem, path: Bytes, name: Bytes, me: Owner, now: number): boolean {
  // A command outlives the run that has started it, where that was killed.
  return isOwnerDead(fs, path, name, me, now) && !(LASTING_NAME.test(name) && holders(fs, [path], me.pid).length > 0);
}

function isOwnerDead(fs: Filesystem, path: Bytes, name: Bytes, me: Owner, now: number): boolean {
  const marker = readMarker(fs, path);
  if (marker === "gone") return false;
  if (marker) return isDead(marker.owner, me, marker.heartbeat, now, startTimeOf);
  if (LASTING_NAME.test(name)) return true;
  const [, pid, start] = STAGE_NAME.exec(name) ?? [];
  if (pid === undefined || (pid !== NOBODY && startTimeOf(Number(pid)) === start)) return false;
  return fs.list(path).every((entry) => entry.name === MARKER);
}

function readMarker(fs: Filesystem, path: Bytes): { owner: Owner; heartbeat: number } | "gone" | undefined {
  let fd: number;
  try {
    fd = fs.openRead(`${path}/${MARKER}` as Bytes);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return isThere(fs, path) ? undefined : "gone";
    if (isErrno(error, "EACCES", "EPERM", "ELOOP", "ENOTDIR")) return "gone";
    throw error;
  }
  try {
    const buffer = Buffer.alloc(4096);
    const owner = parseOwner(buffer.toString("utf8", 0, fs.read(fd, buffer, 0, buffer.length, 0)));
    return owner && { owner, heartbeat: Number(fs.fstat(fd).mtimeNs / 1_000_000n) };
  } finally {
    fs.close(fd);
  }
}

function isThere(fs: Filesystem, path: Bytes): boolean {
  try {
    return fs.lstat(path).kind === "directory";
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/** Takes it out of everybody's way first, so that two runs which find the same leftover do not fight over it. */
function removeAside(fs: Filesystem, parent: Bytes, path: Bytes, stage: Stat): boolean {
  const aside = under(parent, bytesOf(`${STAGE_PREFIX}${randomBytes(8).toString("hex")}-${NOBODY}-`));
  try {
    keepingMtime(fs, parent, () => fs.rename(path, aside));
  } catch (error) {
    if (isErrno(error, "ENOENT", ...REFUSED)) return false;
    throw error;
  }
  let fd: number | undefined;
  try {
    fd = fs.openDirectory(aside);
    const moved = fs.fstat(fd);
    if (!isSame(moved, stage) || moved.birthtimeNs !== stage.birthtimeNs) {
      // Another run was quicker, and has put its own in that place.
      keepingMtime(fs, parent, () => fs.rename(aside, path));
      return false;
    }
    removeOpen(fs, fd, aside, (rmdir) => keepingMtime(fs, parent, rmdir));
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", ...REFUSED)) return false;
    throw error;
  } finally {
    if (fd !== undefined) fs.close(fd);
  }
}

/**
 * Removes a stage that is open: all that is in it, wherever it was moved to, and what is at its path if that is still
 * the stage. Whoever owns the directory that it lies in can put something else there, which is none of ours.
 */
export function removeOpen(
  fs: Filesystem,
  fd: number,
  path: Bytes,
  removing: (rmdir: () => void) => void = (rmdir) => rmdir(),
): void {
  try {
    emptyOpen(fs, fd, path);
    const there = statIfThere(fs, path);
    if (there !== undefined && isSame(there, fs.fstat(fd))) removing(() => fs.rmdir(path));
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

export function isSame(one: Pick<Stat, "dev" | "ino">, other: Pick<Stat, "dev" | "ino">): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** The stage's stat if it is what a stage of this user is: a directory of our own uid, closed to all others. */
function ownStage(fs: Filesystem, path: Bytes): Stat | undefined {
  try {
    const stat = fs.lstat(path);
    return stat.kind === "directory" && stat.mode === 0o700 && stat.uid === ourUid(fs) ? stat : undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Removes a directory of our own with all that is in it; follows no link. What is gone already is not an error. */
export function removeTree(fs: Filesystem, path: Bytes): void {
  try {
    emptyTree(fs, path);
    fs.rmdir(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

function emptyTree(fs: Filesystem, path: Bytes): void {
  // What was laid out in a stage has the modes of the source's directories.
  if ((fs.lstat(path).mode & 0o700) !== 0o700) fs.chmod(path, 0o700);
  const fd = fs.openDirectory(path);
  try {
    emptyOpen(fs, fd, path);
  } finally {
    fs.close(fd);
  }
}

function emptyOpen(fs: Filesystem, fd: number, path: Bytes): void {
  const base = hasDescriptorPaths(fs) ? pathOfDescriptor(fd) : path;
  // The marker goes last: a removal that is interrupted must leave something that tells whose it was.
  const names = fs.list(base).sort((a, b) => Number(a.name === MARKER) - Number(b.name === MARKER));
  for (const { name, kind } of names) {
    const child = under(base, name);
    if (kind === "directory") removeTree(fs, child);
    else fs.unlink(child);
  }
}
