import { HoldstillError } from "../errors.js";
import { tidy } from "../tidy.js";
import { holderOf, lock } from "../vault/lock.js";
import { makeDirectory } from "../vault/output.js";
import { thisProcess } from "../vault/owner.js";
import { withStates, type TakeStates } from "./claim.js";
import { journalDirectory, journals } from "./journal-file.js";
import { isUnfinished } from "./journal.js";
import { resumeCommand, statusCommand, type Work } from "./work.js";

/**
 * Holds the lock of an archive directory's journals, and whatever states `use` takes: the archive directory itself stays
 * free for backups.
 */
export async function withGuardLock<T>(work: Work, use: (take: TakeStates) => Promise<T>): Promise<T> {
  const { fs, archives, now, signal, scratch, onEvent } = work;
  const directory = journalDirectory(archives);
  makeDirectory(fs, directory);
  const held = await lock(fs, directory, thisProcess(), { waitMs: 0, signal, now }).catch((error: unknown) => {
    if (!(error instanceof HoldstillError) || error.code !== "locked") throw error;
    throw new HoldstillError("locked", "another guarded command is under way", {
      ...{ path: error.path, cause: error },
      hint: `Wait until ${holderOf(fs, directory, thisProcess(), now) ?? "it"} is done; how far it is: ${statusCommand(work)}`,
    });
  });
  const forget = scratch.add(held.release);
  try {
    return await withStates(work, use);
  } finally {
    tidy(onEvent, held.release);
    forget();
  }
}

/**
 * Refuses to begin where another process was in the middle of going back.
 * @throws HoldstillError `locked`
 */
export function assertFinished(work: Work): void {
  const unfinished = journals(work.fs, work.archives).find((journal) => isUnfinished(journal));
  if (unfinished === undefined) return;
  throw new HoldstillError("locked", `the guarded command of ${unfinished.id} did not come to its end`, {
    hint: `First: ${resumeCommand(work)}`,
  });
}
