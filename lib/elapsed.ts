/** Whole milliseconds between two readings of a clock, which may have been set back in between. */
export function elapsedMs(from: number, to: number): number {
  return Math.max(0, Math.round(to - from));
}
