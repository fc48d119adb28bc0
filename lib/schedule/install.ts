import { HoldstillError } from "../errors.js";
import type { ScheduleInstalled } from "../report/schedule-report.js";
import type { Surroundings } from "../surroundings.js";
import { assertReadable, assertRunnable, assertWritable, provideDirectory } from "./archive-directory.js";
import { describeSchedule, type ScheduleOptions } from "./describe.js";
import { lingerWarning } from "./linger.js";
import { SERVICE, TIMER } from "./schedule.js";
import { manager, timeOf, type Manager } from "./systemctl.js";
import { unitDirectory, writeUnits } from "./unit-files.js";
import { unitsOf } from "./units.js";

export interface InstallOptions extends ScheduleOptions {
  /** Whether a first run is started at once. */
  readonly now: boolean;
}

/**
 * Writes the units, arms the timer, and proves by asking that it is armed. Doing it again changes what there is.
 * @throws HoldstillError `usage` without systemd; `output-exists` where a unit of somebody else has the name
 */
export async function installSchedule(options: InstallOptions, around: Surroundings): Promise<ScheduleInstalled> {
  const { scope, program } = options;
  const { fs, env } = around;
  const { schedule, account, directory, metrics, warnings } = await describeSchedule(options, around);
  if (account === undefined) {
    throw new HoldstillError("usage", `there is no user ${options.runAs ?? ""} on this machine`);
  }
  const reached = await manager(scope, env);
  if (scope === "system") {
    await assertRunnable(program, account, env);
    if (options.config !== undefined) await assertReadable(options.config, account, env);
    await provideDirectory(directory, account, env);
    if (metrics !== undefined) await assertWritable(metrics, account, env);
  }
  const units = await writeUnits(fs, unitDirectory(scope, around), unitsOf(schedule));
  await reached.systemctl("daemon-reload");
  await reached.systemctl("enable", TIMER);
  // Not `enable --now`: a timer that was armed before would go on as it was.
  await reached.systemctl("restart", TIMER);
  const next = await proveArmed(reached, units);
  if (options.now) await reached.systemctl("start", "--no-block", SERVICE);
  const linger = scope === "user" ? await lingerWarning(account, env) : undefined;
  return {
    outcome: "installed",
    ...{ scope, runAs: account.name, units, calendar: schedule.when.calendar, next, output: directory },
    started: options.now,
    warnings: [...warnings, ...(linger === undefined ? [] : [linger])],
  };
}

async function proveArmed({ show }: Manager, units: readonly string[]): Promise<string> {
  const found = await show(TIMER, "ActiveState", "UnitFileState", "FragmentPath", "NextElapseUSecRealtime");
  const next = timeOf(found["NextElapseUSecRealtime"]);
  const isOurs = units.includes(found["FragmentPath"] ?? "");
  if (found["ActiveState"] === "active" && found["UnitFileState"] === "enabled" && isOurs && next !== undefined) {
    return new Date(next).toISOString();
  }
  const state = Object.entries(found).map(([name, value]) => `${name}=${value}`);
  throw new HoldstillError("io", `the timer was enabled and is not armed: ${state.join(" ")}`, {
    hint: "See what systemctl status holdstill.timer says.",
  });
}
