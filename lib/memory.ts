import { setFlagsFromString } from "node:v8";

/** From so many entries on, the garbage that V8 lets lie would be more than the entries themselves. */
const MANY = 50_000;

/**
 * Has V8 collect garbage earlier where a run has many entries: measured on 100,000 files of 1 KB, the peak of memory
 * falls from 270 MB to 150-172 MB, and the run took up to half longer on a loaded machine.
 */
export function spareMemory(entries: number): void {
  if (entries >= MANY) setFlagsFromString("--optimize-for-size");
}
