import { setFlagsFromString } from "node:v8";

/** From so many entries on, the garbage that V8 lets lie would be more than the entries themselves. */
const MANY = 60_000;

/** Has V8 collect garbage earlier where a run has many entries. */
export function spareMemory(entries: number): void {
  if (entries >= MANY) setFlagsFromString("--optimize-for-size");
}

/**
 * Has V8 keep the space for new objects as small as it is when a run begins, where it would grow to 32 MB and, on newer
 * Nodes, to more. What a run makes for each file is garbage at once: to collect it more often takes hardly longer.
 */
export function keepYoungSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
