import { posix } from "node:path";
import type { SchedulePrinted } from "../report/schedule-report.js";
import type { Surroundings } from "../surroundings.js";
import { cronLines } from "./cron.js";
import { describeSchedule, type ScheduleOptions } from "./describe.js";
import { unitDirectory, writeUnits } from "./unit-files.js";
import { unitsOf } from "./units.js";

export interface PrintOptions extends ScheduleOptions {
  /** Where units are written to; undefined prints them only. */
  readonly unitDir: string | undefined;
  readonly cron: boolean;
}

/** The text of a schedule: as units, or as a line for cron. Writes only into the directory that is named for it. */
export async function printSchedule(options: PrintOptions, around: Surroundings): Promise<SchedulePrinted> {
  const { schedule, warnings } = await describeSchedule(options, around);
  if (options.cron) return { outcome: "printed", units: [], cron: cronLines(schedule), written: false, warnings };
  const units = unitsOf(schedule);
  const directory = options.unitDir ?? unitDirectory(options.scope, around);
  if (options.unitDir !== undefined) await writeUnits(around.fs, directory, units);
  return {
    outcome: "printed",
    units: units.map(({ name, text }) => ({ path: posix.join(directory, name), text })),
    cron: [],
    written: options.unitDir !== undefined,
    warnings,
  };
}
