import type {
  AlarmReport,
  ScheduleInstalled,
  SchedulePrinted,
  ScheduleRemoved,
  ScheduleStatus,
} from "./schedule-report.js";

export function installedLines({ scope, runAs, units, next, output, started }: ScheduleInstalled): string[] {
  const option = scope === "user" ? "--user " : "";
  return [
    ...units.map((unit) => `Wrote ${unit}`),
    `Archives go to ${output}; ${runAs} runs the backups.`,
    `The timer is armed. Next run: ${timeText(next)}`,
    ...(started
      ? [`A first run has been started. Follow it: journalctl ${option}--unit holdstill.service --follow`]
      : []),
  ];
}

export function printedLines({ units, cron, written }: SchedulePrinted): string[] {
  if (written) return units.map(({ path }) => `Wrote ${path}`);
  return [...cron, ...units.flatMap(({ path, text }) => [`# ${path}`, ...text.split("\n")])];
}

export function removedLines({ units }: ScheduleRemoved): string[] {
  if (units.length === 0) return ["Nothing is scheduled."];
  return [...units.map((unit) => `Removed ${unit}`), "Archives are left alone."];
}

export function statusLines(status: ScheduleStatus): string[] {
  const { units, armed, next, running, lastRun } = status;
  if (units.length === 0) return ["Nothing is scheduled. To change that: holdstill schedule install"];
  return [
    armed
      ? `The timer is armed. Next run: ${next === null ? "when the one at work has ended" : timeText(next)}`
      : "The timer is not armed.",
    ...(running === null ? [] : [`At work: ${running}`]),
    lastRunText(lastRun),
  ];
}

const STOPPED = 143;

export function lastRunText(lastRun: ScheduleStatus["lastRun"]): string {
  if (lastRun === null) return "No run since the machine was started.";
  const { started, ended, exitCode, result } = lastRun;
  const at = timeText(started);
  if (ended === null) return `The last run began at ${at} and has not ended.`;
  if (exitCode === STOPPED) return `The last run, at ${at}, was stopped before its end.`;
  if (result === "success") return `The last run, at ${at}, was complete.`;
  return `The last run, at ${at}, failed: exit code ${exitCode ?? "?"} (${result}).`;
}

export function alarmLines({ unit, result, exitCode, lines }: AlarmReport): string[] {
  return [
    `holdstill: ${unit} failed: exit code ${exitCode} (${result})`,
    ...(lines.length > 0 ? ["It said last:", ...lines.map((line) => `  ${line}`)] : []),
  ];
}

/** `2026-11-25 03:00:00 UTC` */
function timeText(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}
