import { setTimeout as pause } from "node:timers/promises";
import type { Bytes } from "../bytes.js";
import { holders, type Holder } from "./holders.js";
import type { Work } from "./work.js";

/** Between two looks, in milliseconds. */
const LOOK_MS = 250;

/** Waits until nobody holds anything of these directories open; returns who still does when the time is up. */
export async function idle(
  { fs, pid, now, signal }: Work,
  directories: readonly Bytes[],
  graceMs: number,
): Promise<readonly Holder[]> {
  const deadline = now() + graceMs;
  for (;;) {
    const found = holders(fs, directories, pid);
    const left = deadline - now();
    if (found.length === 0 || left <= 0) return found;
    await pause(Math.min(left, LOOK_MS), undefined, { signal });
  }
}
