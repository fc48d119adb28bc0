import { hash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { bytesOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { thisProcess } from "../vault/owner.js";
import { removeDeadStages, STAGE_PREFIX } from "./leftovers.js";
import { placeStage, type Stage } from "./place.js";
import { stageParents, surrounded, type Surrounded } from "./stage-parents.js";

const POLL_MS = 250;
const DIGITS = 16;

export interface OccupyOptions {
  readonly cache: Bytes;
  /** How long to wait for another run over the same sources to end, in milliseconds. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Milliseconds of the epoch. */
  readonly now: () => number;
  /** Told of each stage as soon as it is there. */
  readonly onPlaced: (stage: Stage) => void;
}

/**
 * Makes stages that have the same paths in every run over the same sources: other backup engines find what they have
 * read before by its path. One run at a time can have them.
 * @throws HoldstillError `locked` where another run still has them when the wait is over
 */
export async function occupyStages(
  fs: Filesystem,
  sources: readonly Bytes[],
  roots: readonly Bytes[],
  options: OccupyOptions,
): Promise<void> {
  const deadline = performance.now() + options.waitMs;
  for (const [index, where] of surrounded(roots, options.cache).entries()) {
    options.onPlaced(await occupy(fs, where, lastingName(sources, index), deadline, options));
  }
}

async function occupy(
  fs: Filesystem,
  where: Surrounded,
  name: Bytes,
  deadline: number,
  { now, signal }: OccupyOptions,
): Promise<Stage> {
  const parents = stageParents(where).map(({ path }) => path);
  for (;;) {
    signal.throwIfAborted();
    const me = thisProcess();
    removeDeadStages(fs, parents, me, now());
    try {
      return placeStage(fs, where, me, name);
    } catch (error) {
      const left = deadline - performance.now();
      if (!(error instanceof HoldstillError) || error.code !== "locked" || left <= 0) throw error;
      await setTimeout(Math.min(left, POLL_MS), undefined, { signal });
    }
  }
}

function lastingName(sources: readonly Bytes[], index: number): Bytes {
  const digest = hash("sha256", [String(index), ...sources].join("\0"), "hex");
  return bytesOf(`${STAGE_PREFIX}${digest.slice(0, DIGITS)}`);
}
