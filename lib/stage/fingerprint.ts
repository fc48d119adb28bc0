import { BROKEN, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import type { Fingerprint, FrozenFile } from "./entry.js";
import { isAppended } from "./kinds.js";
import { readFull } from "./quiet.js";
import { ageMs, isFresh, unchanged } from "./sameness.js";

const EDGE = 4096;
const RECENT_MS = 60_000;
const MOST = 2_000;

/** The first and last 4 KiB of a file's first `size` bytes. */
export function fingerprintOf(fs: Filesystem, fd: number, size: number): Fingerprint {
  const length = Math.min(EDGE, size);
  return { head: readAt(fs, fd, 0, length), tail: readAt(fs, fd, size - length, length) };
}

function readAt(fs: Filesystem, fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  return buffer.subarray(0, readFull(fs, fd, buffer, position));
}

export function fingerprintMatches(fs: Filesystem, fd: number, size: number, known: Fingerprint): boolean {
  const now = fingerprintOf(fs, fd, size);
  return now.head.equals(known.head) && now.tail.equals(known.tail);
}

/**
 * Which files need a fingerprint: linked JSONL and logs that were modified within a minute, and others that were
 * modified so shortly before their capture that no time would tell of another change; the newest 2,000.
 */
export function inNeedOfFingerprint(
  files: Iterable<FrozenFile>,
  hasCoarseClock: (file: FrozenFile) => boolean,
): FrozenFile[] {
  const recent: FrozenFile[] = [];
  for (const file of files) {
    if (file.method !== "link") continue;
    const grows = isAppended(file.path) && ageMs(file, file.at) <= RECENT_MS;
    if (grows || isFresh(file, file.at, hasCoarseClock(file))) recent.push(file);
  }
  return recent.sort((a, b) => Number(b.mtimeNs - a.mtimeNs)).slice(0, MOST);
}

/**
 * The file with its fingerprint, and as it is at that moment: what was appended since it was linked is part of it.
 * @returns undefined where it is being written to right now, or cannot be read
 */
export function fingerprinted(fs: Filesystem, file: FrozenFile, now: () => number): FrozenFile | undefined {
  try {
    const fd = fs.openRead(file.staged);
    try {
      const at = now();
      const before = fs.fstat(fd);
      const fingerprint = fingerprintOf(fs, fd, before.size);
      return unchanged(before, fs.fstat(fd))
        ? { ...file, size: before.size, mtimeNs: before.mtimeNs, at, fingerprint }
        : undefined;
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    if (isErrno(error, "EACCES", "EPERM", ...BROKEN)) return undefined;
    throw error;
  }
}
