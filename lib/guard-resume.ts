import { bytesOf } from "./bytes.js";
import { HoldstillError } from "./errors.js";
import type { TakeStates } from "./guard/claim.js";
import { finish } from "./guard/finish.js";
import { nameOfProcess } from "./guard/holders.js";
import { journals } from "./guard/journal-file.js";
import { isUnfinished, nextOf, type Journal } from "./guard/journal.js";
import { withGuardLock } from "./guard/lock.js";
import { processesOf } from "./guard/mark.js";
import { isMounted } from "./guard/mounted.js";
import { goBack } from "./guard/return.js";
import { resumeCommand, type GuardSurroundings, type Work } from "./guard/work.js";
import type { GuardReturn } from "./report/guard-report.js";

export interface ResumeOptions {
  /** Nothing but the state is brought back: the program is left to the user. */
  readonly stateOnly?: boolean;
}

/** What `guard resume` did: the document that it prints. */
export interface ResumeReport {
  readonly outcome: "nothing-to-do" | "succeeded" | "rolled-back" | "rollback-failed";
  /** Of each command that was cut off before it was run, or after it had succeeded: nothing had to be put back. */
  readonly finished: readonly string[];
  readonly rollbacks: readonly GuardReturn[];
}

/**
 * Goes on with what a crash or a power cut has interrupted: forward where the command had succeeded and was probed, back
 * otherwise. Where there is nothing to be done it does nothing.
 * @throws HoldstillError `locked` while a guarded command is under way
 */
export async function resume(
  directories: readonly string[],
  around: GuardSurroundings,
  { stateOnly = false }: ResumeOptions = {},
): Promise<ResumeReport> {
  const finished: string[] = [];
  const rollbacks: GuardReturn[] = [];
  for (const directory of directories) {
    const work: Work = { ...around, archives: bytesOf(directory) };
    if (journals(work.fs, work.archives).length > 0) {
      await withGuardLock(work, (take) => resumeAll(work, take, { finished, rollbacks, stateOnly }));
    }
  }
  return { outcome: outcomeOf(finished, rollbacks), finished, rollbacks };
}

async function resumeAll(
  work: Work,
  take: TakeStates,
  done: { readonly finished: string[]; readonly rollbacks: GuardReturn[]; readonly stateOnly: boolean },
): Promise<void> {
  for (const journal of journals(work.fs, work.archives).filter(isUnfinished)) {
    // Where its disk is not mounted, there is nothing of a state to claim.
    if (isMounted(work, journal)) await take(journal);
    const next = nextOf(journal);
    if (next === "abandon" || next === "finish") {
      await finish(work, journal);
      done.finished.push(journal.id);
    } else done.rollbacks.push(await goBack(work, judged(work, journal), done.stateOnly));
  }
}

function outcomeOf(finished: readonly string[], rollbacks: readonly GuardReturn[]): ResumeReport["outcome"] {
  if (rollbacks.some(({ ok }) => !ok)) return "rollback-failed";
  if (rollbacks.length > 0) return "rolled-back";
  return finished.length > 0 ? "succeeded" : "nothing-to-do";
}

/** A command whose end nobody saw counts as failed. It may still be at work. */
function judged(work: Work, journal: Journal): Journal {
  if (nextOf(journal) !== "judge") return journal;
  const [running] = processesOf(work.fs, journal.mark);
  if (running !== undefined) {
    throw new HoldstillError(
      "locked",
      `the guarded command is still at work: process ${running} (${nameOfProcess(work.fs, running)})`,
      {
        hint: `Wait until it has ended, or end it, and then: ${resumeCommand(work)}`,
      },
    );
  }
  return journal;
}
