import { mkdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../lib/bytes.js";
import type { Filesystem } from "../../lib/filesystem.js";
import type { Moment } from "../helpers/port.js";
import { at, ordered, walking } from "./frozen.js";

/** What is done at which listing of which directory: each once, in this order, right after the names were read. */
export type Moves = readonly (readonly [directory: string, act: (root: string) => void])[];

export const move = (from: string, to: string) => (root: string) => renameSync(join(root, from), join(root, to));
export const all =
  (...moves: ((root: string) => void)[]) =>
  (root: string) =>
    moves.forEach((one) => one(root));
export const make = (directory: string) => (root: string) => mkdirSync(join(root, directory));
export const write = (file: string, text: string) => (root: string) => writeFileSync(join(root, file), text);

/** Gives a directory another time, in seconds: two changes may come within one tick of the clock. */
export const touch = (directory: string, seconds: number) => (root: string) =>
  utimesSync(join(root, directory), seconds, seconds);

/** Makes a directory worth another look. */
export const stir = (directory: string) => write(join(directory, "stirred"), "");

/** A disk whose directories look as if they had been modified so many milliseconds before they were. */
function modifiedBefore(ms: number): Filesystem {
  return {
    ...ordered,
    fstat: (fd) => {
      const stat = ordered.fstat(fd);
      return stat.kind === "directory" ? { ...stat, mtimeNs: stat.mtimeNs - BigInt(ms) * 1_000_000n } : stat;
    },
  };
}

/** Never just now: only that they were tells. */
export const old = modifiedBefore(3_600_000);

/** Recently enough to be looked at again, and not within one tick of the clock. */
export const recent = modifiedBefore(500);

/** A disk on which the moves are made, each in its turn. */
export function moving(root: string, moves: Moves, base: Filesystem): Moment & { readonly fs: Filesystem } {
  const left = [...moves];
  const listings = new Map<string, (path: Bytes) => boolean>();
  for (const [directory] of moves) {
    if (!listings.has(directory)) listings.set(directory, walking(at(join(root, directory))));
  }
  const fs: Filesystem = {
    ...base,
    list(path) {
      const matching = [...listings].filter(([, matches]) => matches(path)).map(([directory]) => directory);
      const names = base.list(path);
      const [directory, act] = left[0] ?? [];
      if (act && directory !== undefined && matching.includes(directory)) {
        left.shift();
        act(root);
      }
      return names;
    },
  };
  return { fs, came: () => left.length === 0 };
}
