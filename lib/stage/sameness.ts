import type { Stat } from "../filesystem.js";

/** Whether size and mtime say that nobody wrote to a file; of bytes written within one tick of the clock they cannot. */
export function unchanged(then: Pick<Stat, "size" | "mtimeNs">, now: Pick<Stat, "size" | "mtimeNs">): boolean {
  return then.size === now.size && then.mtimeNs === now.mtimeNs;
}

/** How old a file's last modification is, in milliseconds; negative where the clocks disagree. */
export function ageMs(stat: Pick<Stat, "mtimeNs">, now: number): number {
  return now - Number(stat.mtimeNs) / 1e6;
}

/**
 * Whether a file was written to so shortly before a moment that it may have been written to again, after that moment
 * and with the same modification time: clocks of files tick every 10 ms at worst, or every second or two, and lag behind
 * where a virtual machine is kept waiting.
 */
export function isFresh(stat: Pick<Stat, "mtimeNs">, at: number, coarseClock: boolean): boolean {
  return Math.abs(ageMs(stat, at)) < quietAfterMs(coarseClock);
}

/**
 * How long a file must have been left alone for an equal `fstat` before and after reading to mean that the reading is
 * whole. Modification times tick every 4 ms on many kernels (9 of 3,166 readings beside an in-place writer were torn
 * in spite of an equal `fstat`), and every second or two where the filesystem has no finer clock.
 */
export function quietAfterMs(coarseClock: boolean): number {
  return coarseClock ? 2_000 : 50;
}
