import type { Filesystem } from "../filesystem.js";
import type { FrozenFile, Verdict } from "./entry.js";
import { isJsonl } from "./kinds.js";
import { readFull } from "./quiet.js";
import { ageMs } from "./sameness.js";

const RECENT_MS = 10 * 60_000;
const CHUNK = 64 << 10;
const NEWLINE = 0x0a;

/**
 * Whether the last line of a file may be half of one: it holds JSON lines, and was modified within ten minutes of its
 * capture or has changed since. A file at rest that simply ends without a newline keeps every byte, and so does a
 * database, whatever its name.
 */
export function mayEndInHalfALine(file: FrozenFile, mtimeNs: bigint, at: number, verdict: Verdict): boolean {
  if (file.method === "database") return false;
  return isJsonl(file.alias ?? file.path) && (verdict !== "exact" || ageMs({ mtimeNs }, at) <= RECENT_MS);
}

/** How many bytes there are up to the end of the last complete line. */
export function completeLines(bytes: Buffer): number {
  return bytes.lastIndexOf(NEWLINE) + 1;
}

/** The same for the first `size` bytes of an open file, read from the back. */
export function completeLinesIn(fs: Filesystem, fd: number, size: number): number {
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - CHUNK);
    const length = readFull(fs, fd, buffer.subarray(0, end - start), start);
    const found = completeLines(buffer.subarray(0, length));
    if (found > 0) return start + found;
    end = start;
  }
  return 0;
}
