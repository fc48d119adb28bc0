import pLimit from "p-limit";
import type { Unseal } from "../../age/sealed.js";
import { failureLines, failureOf, type Failure } from "../../report/failure.js";
import { countText, numberText } from "../../report/size.js";
import { verifyLine, type Verified } from "../../report/verify-text.js";
import { follow, type Context } from "../command.js";
import { COMPLETE, EXIT_CODES } from "../exit-code.js";
import { surroundings } from "../shell.js";

/** Reading one archive keeps a core busy and a disk half busy; the gain is gone with a third. */
const AT_ONCE = 2;

type Outcome =
  | { readonly ok: true; readonly report: Verified }
  | { readonly ok: false; readonly archive: string; readonly error: Failure };

interface Asked {
  readonly json: boolean | undefined;
  readonly quiet: boolean | undefined;
  readonly unseal: Unseal | undefined;
  /** Where archives are kept elsewhere. */
  readonly verify: ((name: string) => Promise<Verified>) | undefined;
}

/** Verifies each, tells of each in the order given, and ends with the exit code of the worst. */
export async function verifySeveral(
  archives: readonly string[],
  { json, quiet, unseal, verify }: Asked,
  { shell, useCases }: Context,
): Promise<number> {
  const { terminal, signal } = shell;
  // Two at once have no progress in common but how many are done.
  const { onEvent } = follow(shell, true);
  const around = { ...(await surroundings(shell, onEvent)), unseal };
  const limit = pLimit(AT_ONCE);
  let done = 0;
  const showDone = (): void => {
    if (quiet || terminal.columns() === undefined) return;
    terminal.status(`verifying  ${numberText(done)} of ${countText(archives.length, "archive")}`);
  };
  const one = async (archive: string): Promise<Outcome> => {
    signal.throwIfAborted();
    showDone();
    try {
      return { ok: true, report: await (verify?.(archive) ?? useCases.verify(archive, around)) };
    } catch (error) {
      signal.throwIfAborted();
      return { ok: false, archive, error: failureOf(error) };
    } finally {
      done += 1;
    }
  };
  const outcomes = await Promise.all(archives.map((archive) => limit(one, archive)));

  if (json) terminal.print([JSON.stringify(documentOf(outcomes))]);
  else {
    for (const outcome of outcomes) {
      if (!outcome.ok) terminal.tell(failureLines({ path: outcome.archive, ...outcome.error }));
      else if (!quiet) terminal.print([verifyLine(outcome.report)]);
    }
  }
  return exitCodeOf(outcomes);
}

function documentOf(outcomes: readonly Outcome[]) {
  const bad = outcomes.find((outcome) => !outcome.ok);
  return {
    outcome: bad === undefined ? "verified" : "failed",
    ...(bad !== undefined && { error: bad.error }),
    archives: outcomes.map((outcome) => (outcome.ok ? outcome.report : outcome)),
  };
}

/** A bad archive outweighs one that could not be read. */
function exitCodeOf(outcomes: readonly Outcome[]): number {
  const codes = outcomes.flatMap((outcome) => (outcome.ok ? [] : [EXIT_CODES[outcome.error.code]]));
  return codes.includes(EXIT_CODES["bad-archive"]) ? EXIT_CODES["bad-archive"] : (codes[0] ?? COMPLETE);
}
