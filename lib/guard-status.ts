import { bytesOf } from "./bytes.js";
import { heldIn, type Held } from "./guard/held.js";
import type { Surroundings } from "./surroundings.js";

export type { Held, HeldTree } from "./guard/held.js";

/** What `guard status` prints with `--json`: the oldest first. */
export interface GuardStatus {
  readonly directories: readonly string[];
  readonly held: readonly Held[];
  /** Of all trees, in bytes. */
  readonly bytes: number;
}

/** What guarded commands have left: unfinished journals, failed trees, restore points. Changes nothing. */
export function guardStatus(directories: readonly string[], around: Pick<Surroundings, "fs" | "now">): GuardStatus {
  const held = directories.flatMap((directory) => heldIn(around, bytesOf(directory)));
  const bytes = held.flatMap(({ trees }) => trees).reduce((sum, tree) => sum + tree.bytes, 0);
  return { directories, held, bytes };
}
