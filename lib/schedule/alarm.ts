import type { Notification } from "../config/parse.js";
import { HoldstillError } from "../errors.js";
import { sendPings } from "../notify/pings.js";
import { printable } from "../report/printable.js";
import type { AlarmReport } from "../report/schedule-report.js";
import { alarmLines } from "../report/schedule-text.js";
import { lastLine, runInGroup } from "../run-in-group.js";
import { runProgram } from "../run-program.js";
import type { Surroundings } from "../surroundings.js";
import { thisProcess } from "../vault/owner.js";
import type { Scope } from "./schedule.js";
import { environment, manager } from "./systemctl.js";

const LINES = 20;

/** What is known of a unit that failed: how, and what it said last. */
export async function examineFailure(unit: string, scope: Scope, { env }: Surroundings): Promise<AlarmReport> {
  const { show } = await manager(scope, env);
  const found = await show(unit, "Result", "ExecMainStatus");
  return {
    outcome: "failed",
    unit,
    result: found["Result"] ?? "",
    exitCode: Number(found["ExecMainStatus"] ?? 0),
    lines: await lastLines(unit, scope, env),
  };
}

/** Without permission to read the journal there are none. */
async function lastLines(unit: string, scope: Scope, env: Surroundings["env"]): Promise<readonly string[]> {
  const which = scope === "user" ? `--user-unit=${unit}` : `--unit=${unit}`;
  const args = ["--no-pager", "--quiet", "--output=cat", `--lines=${LINES}`, which];
  const ended = await runProgram("journalctl", args, { env: environment(scope, env) });
  return (ended?.out ?? "").split("\n").filter((line) => line !== "");
}

/** No mail takes longer. */
const LIMIT_MS = 120_000;

/** Who is to know that a unit has failed. */
export interface Alarmed {
  /** A line for the shell, which has the report as JSON on its stdin. */
  readonly command: string | undefined;
  readonly notifications: readonly Notification[];
}

/**
 * Sounds an alarm. What of the notifications does not arrive is warned of.
 * @throws HoldstillError `io` where the command fails
 */
export async function soundAlarm(alarmed: Alarmed, report: AlarmReport, around: Surroundings): Promise<void> {
  const [line = "", ...lines] = alarmLines(report);
  const text = [line, ...lines].map((each) => `${printable(each)}\n`).join("");
  const told = { outcome: "failure", host: thisProcess().hostname, line: printable(line), text } as const;
  const pings = sendPings(alarmed.notifications, told, around);
  try {
    await runCommand(alarmed.command, report, around);
  } finally {
    await pings;
  }
}

async function runCommand(command: string | undefined, report: AlarmReport, around: Surroundings): Promise<void> {
  if (command === undefined) return;
  const { cwd, env, signal, scratch } = around;
  const told = { HOLDSTILL_UNIT: report.unit, HOLDSTILL_EXIT_CODE: String(report.exitCode) };
  const ran = await runInGroup(command, {
    ...{ cwd, env: { ...env, ...told }, signal, scratch },
    ...{ input: `${JSON.stringify(report)}\n`, limitMs: LIMIT_MS, output: "kept" },
  });
  if (ran.ok) return;
  const last = lastLine(ran);
  const why = last === "" ? ran.how : `${ran.how}: ${last}`;
  throw new HoldstillError("io", `the command of the alarm failed: it ${why}`, { path: command });
}
