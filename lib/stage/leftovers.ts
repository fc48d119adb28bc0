import { randomBytes } from "node:crypto";
import { bytesOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem, Stat } from "../filesystem.js";
import { isDead, parseOwner, startTimeOf, type Owner } from "../vault/owner.js";
import { hasDescriptorPaths, pathOfDescriptor } from "./descent.js";

export const STAGE_PREFIX = ".holdstill-stage-";
export const MARKER = "owner.json";

/** The name carries pid and start time, so that a run killed before it wrote the marker can be told dead too. */
const STAGE_NAME = /^\.holdstill-stage-[0-9a-f]+-(\d+)-(\d*)$/;

/** The pid in the name of a stage that is being removed. */
const NOBODY = "0";

/**
 * Removes the stages that dead runs left in these directories, and never one whose owner may be alive.
 * @returns how many were removed
 */
export function removeDeadStages(fs: Filesystem, parents: readonly Bytes[], me: Owner, now: number): number {
  let removed = 0;
  for (const parent of new Set(parents)) {
    for (const { name, kind } of listIfThere(fs, parent)) {
      if (kind !== "directory" || !name.startsWith(STAGE_PREFIX)) continue;
      const path = under(parent, name);
      if (isDeadStage(fs, path, name, me, now) && removeAside(fs, parent, path)) removed++;
    }
  }
  return removed;
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
  const marker = readMarker(fs, path);
  if (marker === "gone") return false;
  if (marker) return isDead(marker.owner, me, marker.heartbeat, now, startTimeOf);
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
function removeAside(fs: Filesystem, parent: Bytes, path: Bytes): boolean {
  const mine = ownStage(fs, path);
  if (!mine) return false;
  const aside = under(parent, bytesOf(`${STAGE_PREFIX}${randomBytes(8).toString("hex")}-${NOBODY}-`));
  try {
    fs.rename(path, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT", "EACCES", "EPERM", "EROFS")) return false;
    throw error;
  }
  const moved = fs.lstat(aside);
  if (moved.ino !== mine.ino || moved.dev !== mine.dev) return false;
  removeTree(fs, aside);
  return true;
}

/** The stage's stat if it is what a stage of this user is: a directory of our own uid, closed to all others. */
function ownStage(fs: Filesystem, path: Bytes): Stat | undefined {
  try {
    const stat = fs.lstat(path);
    const ourUid = fs.lstat("/proc/self" as Bytes).uid;
    return stat.kind === "directory" && stat.mode === 0o700 && stat.uid === ourUid ? stat : undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Removes a directory of our own with all that is in it; follows no link. What is gone already is not an error. */
export function removeTree(fs: Filesystem, path: Bytes): void {
  try {
    const fd = fs.openDirectory(path);
    try {
      const base = hasDescriptorPaths(fs) ? pathOfDescriptor(fd) : path;
      // The marker goes last: a removal that is interrupted must leave something that tells whose it was.
      const names = fs.list(base).sort((a, b) => Number(a.name === MARKER) - Number(b.name === MARKER));
      for (const { name, kind } of names) {
        const child = under(base, name);
        if (kind === "directory") removeTree(fs, child);
        else fs.unlink(child);
      }
    } finally {
      fs.close(fd);
    }
    fs.rmdir(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}
