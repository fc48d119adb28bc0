import type { Finding } from "../doctor.js";

/** A finding a line, its fix below. */
export function findingLines(all: readonly Finding[]): string[] {
  return all.flatMap(({ level, text, fix }) => [
    `${level.padEnd(4)}  ${text}`,
    ...(fix === undefined ? [] : [`      ${fix}`]),
  ]);
}
