import { bytesOf, textOf, type Bytes } from "./bytes.js";
import { dropFresh } from "./guard/containers.js";
import { mountsOf } from "./guard/mounts.js";
import { failedTreesOf } from "./guard/held.js";
import { dropReserve, forget, journals } from "./guard/journal-file.js";
import { isUnfinished } from "./guard/journal.js";
import { withGuardLock } from "./guard/lock.js";
import { isWithin } from "./guard/mounts.js";
import { occupied } from "./guard/occupied.js";
import { removeFailed } from "./guard/remove-failed.js";
import type { GuardSurroundings, Work } from "./guard/work.js";

interface Removed {
  readonly path: string;
  readonly bytes: number;
}

/** What `guard clean` removed; sizes in bytes. */
export interface CleanReport {
  readonly outcome: "cleaned";
  readonly removed: readonly Removed[];
  /** Commands that are not finished: what they hold is still needed. */
  readonly unfinished: readonly string[];
  readonly bytes: number;
}

/**
 * Removes what failed commands made of the state, once the old one is back.
 * @throws HoldstillError `locked` while a guarded command is under way
 */
export async function clean(directories: readonly string[], around: GuardSurroundings): Promise<CleanReport> {
  const removed: Removed[] = [];
  const unfinished: string[] = [];
  for (const directory of directories) {
    const work: Work = { ...around, archives: bytesOf(directory) };
    if (journals(work.fs, work.archives).length === 0) continue;
    await withGuardLock(work, () => cleanOne(work, removed));
    unfinished.push(...journals(work.fs, work.archives).map(({ id }) => id));
  }
  return { outcome: "cleaned", removed, unfinished, bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function cleanOne(work: Work, removed: Removed[]): Promise<void> {
  const { fs, archives } = work;
  const points = mountsOf(work.fs, work.pid).map(({ point }) => point);
  const isMountBelow = (path: Bytes): boolean => points.some((point) => isWithin(point, path));
  for (const journal of journals(fs, archives).filter((each) => !isUnfinished(each))) {
    const { id, places } = journal;
    for (const path of failedTreesOf(fs, journal)) {
      const bytes = occupied(fs, path);
      removeFailed(fs, path, isMountBelow);
      removed.push({ path: textOf(path), bytes });
    }
    dropFresh(fs, places);
    await forget(fs, archives, id);
  }
  if (journals(fs, archives).length === 0) dropReserve(fs, archives);
}
