import type { Hook, Moment } from "../config/parse.js";
import { HoldstillError } from "../errors.js";
import { printable } from "../report/printable.js";
import type { Ended } from "../report/run-record.js";
import { lastLine, runInGroup, type Ran } from "../run-in-group.js";
import type { Surroundings } from "../surroundings.js";

export type Hooks = Readonly<Partial<Record<Moment, Hook>>>;

type Needs = Pick<Surroundings, "cwd" | "env" | "signal" | "scratch" | "onEvent">;

/**
 * Runs the command that comes before a backup.
 * @throws HoldstillError `hook-failed`, or the signal's reason
 */
export async function hookBefore({ before }: Hooks, what: object, around: Needs): Promise<void> {
  if (before === undefined) return;
  const report = { outcome: "starting", ...what };
  const result = await run("before", before, { report, env: { HOLDSTILL_OUTCOME: "starting" } }, around);
  around.signal.throwIfAborted();
  if (result.ok) return;
  throw new HoldstillError("hook-failed", `nothing was backed up, since the hook before ${reasonOf(result)}`, {
    hint: "It is configured under hooks: before; the backup waits for its exit code 0.",
  });
}

/** Runs the command for how a backup ended. That it fails is warned of. */
export async function hookAfter(hooks: Hooks, ended: Ended, around: Needs): Promise<void> {
  const hook = hooks[ended.outcome];
  if (hook === undefined) return;
  const result = await run(ended.outcome, hook, { report: documentOf(ended), env: variablesOf(ended) }, around);
  if (result.ok) return;
  around.onEvent({ type: "warning", message: `the hook ${ended.outcome} ${reasonOf(result)}` });
}

interface Told {
  readonly report: object;
  readonly env: Readonly<Record<string, string>>;
}

function run(moment: Moment, { command, timeout }: Hook, { report, env }: Told, around: Needs): Promise<Ran> {
  const { cwd, signal, scratch, onEvent } = around;
  return runInGroup(command, {
    ...{ cwd, signal, scratch, env: { ...around.env, ...env } },
    ...{ input: `${JSON.stringify(report)}\n`, limitMs: timeout },
    output: (text) => onEvent({ type: "said", by: moment, text }),
  });
}

function reasonOf(ran: Ran): string {
  const last = lastLine(ran);
  return last === "" ? ran.how : `${ran.how}: ${last}`;
}

/** What `create --json` prints. */
function documentOf(ended: Ended): object {
  return ended.outcome === "failure" ? { outcome: "failed", error: ended.failure } : ended.report;
}

function variablesOf(ended: Ended): Record<string, string> {
  const shared = { HOLDSTILL_OUTCOME: ended.outcome, HOLDSTILL_EXIT_CODE: String(ended.exitCode) };
  if (ended.outcome !== "failure") {
    const { report } = ended;
    return {
      ...shared,
      ...("snapshot" in report ? { HOLDSTILL_SNAPSHOT: report.snapshot } : { HOLDSTILL_ARCHIVE: report.archive }),
    };
  }
  const { code, message } = ended.failure;
  return { ...shared, HOLDSTILL_ERROR: printable(message), HOLDSTILL_ERROR_CODE: code };
}
