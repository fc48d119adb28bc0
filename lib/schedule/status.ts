import { HoldstillError } from "../errors.js";
import type { ScheduleStatus } from "../report/schedule-report.js";
import type { Surroundings } from "../surroundings.js";
import { ourselves } from "./account.js";
import { installedUnits } from "./installed.js";
import { lingerWarning } from "./linger.js";
import { SERVICE, TIMER, type Scope } from "./schedule.js";
import { manager, timeOf, type Properties } from "./systemctl.js";

/** Whether the timer is armed, when it runs next, and how the last run ended. */
export async function scheduleStatus(scope: Scope | undefined, around: Surroundings): Promise<ScheduleStatus> {
  const found = installedUnits(scope, around);
  if (found.units.length === 0) {
    return { outcome: "status", ...found, armed: false, next: null, running: null, lastRun: null, warnings: [] };
  }
  const { show } = await manager(found.scope, around.env);
  const timer = await show(TIMER, "ActiveState", "UnitFileState", "NextElapseUSecRealtime");
  const service = await show(SERVICE, "ActiveState", "StatusText", "Result", ...TIMES, "ExecMainStatus");
  const linger = found.scope === "user" ? await lingerWarning(ourselves(), around.env) : undefined;
  return {
    outcome: "status",
    ...found,
    armed: timer["ActiveState"] === "active" && timer["UnitFileState"] === "enabled",
    next: isoOf(timer["NextElapseUSecRealtime"]),
    running: service["ActiveState"] === "activating" ? service["StatusText"] || "starting" : null,
    lastRun: lastRunOf(service),
    warnings: linger === undefined ? [] : [linger],
  };
}

const TIMES = ["ExecMainStartTimestamp", "ExecMainExitTimestamp"];

function lastRunOf(service: Properties): ScheduleStatus["lastRun"] {
  const started = isoOf(service["ExecMainStartTimestamp"]);
  if (started === null) return null;
  const ended = isoOf(service["ExecMainExitTimestamp"]);
  return {
    started,
    ended,
    exitCode: ended === null ? null : Number(service["ExecMainStatus"]),
    result: service["Result"] ?? "",
  };
}

function isoOf(text: string | undefined): string | null {
  const time = timeOf(text);
  return time === undefined ? null : new Date(time).toISOString();
}

/** When the timer makes the next backup; null where there is none, or its manager cannot be asked. */
export async function nextRun(around: Surroundings): Promise<string | null> {
  try {
    return (await scheduleStatus(undefined, around)).next;
  } catch (error) {
    if (!(error instanceof HoldstillError)) throw error;
    return null;
  }
}
