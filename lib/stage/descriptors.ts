import type { Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { readFull } from "./quiet.js";

const LIMITS = "/proc/self/limits" as Bytes;
const MOST_LIMITS = 8192;

/** What Node, directories on the way down and the files of the stage take. */
const OTHERS = 48;

const FEWEST = 8;
const MOST = 512;

/** How many files may be held open to be copied, by this process's limit of open files. */
export function mostHeldOpen(fs: Filesystem): number {
  return heldOpenBelow(limitIn(limitsOf(fs)));
}

/** How many of so many open files may be files that wait to be copied. */
export function heldOpenBelow(limit: number): number {
  return Math.max(FEWEST, Math.min(MOST, limit - OTHERS));
}

/** The soft limit of open files in the words of `/proc/self/limits`; 0 where it says nothing of it. */
export function limitIn(limits: string): number {
  const [, soft] = /^Max open files +(\d+|unlimited) /m.exec(limits) ?? [];
  return soft === "unlimited" ? Infinity : Number(soft ?? 0);
}

function limitsOf(fs: Filesystem): string {
  try {
    const fd = fs.openRead(LIMITS);
    try {
      const text = Buffer.alloc(MOST_LIMITS);
      return text.toString("latin1", 0, readFull(fs, fd, text, 0));
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM")) return "";
    throw error;
  }
}
