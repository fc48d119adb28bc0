import { HoldstillError } from "../errors.js";
import { cronWord } from "./quote.js";
import type { Schedule } from "./schedule.js";

/** A line for machines without systemd, with what has to be known about it. */
export function cronLines({ scope, runAs, when, command, environment }: Schedule): string[] {
  if (when.daily === undefined) {
    throw new HoldstillError("usage", `cron has no word for the calendar ${when.calendar}`, {
      hint: "Use --daily HH:MM with --cron, and change the line.",
    });
  }
  const { hour, minute } = when.daily;
  const assignments = Object.entries(environment).map(([name, value]) => cronWord(`${name}=${value}`));
  const run = [...(assignments.length > 0 ? ["env", ...assignments] : []), ...command.map(cronWord)].join(" ");
  return [
    scope === "system"
      ? "# For a file in /etc/cron.d, whose lines name the user."
      : "# For the crontab of the user who runs it: crontab -e.",
    "# cron does not make up for a run that was missed, and mails what is printed: here only what went wrong.",
    `${minute} ${hour} * * * ${scope === "system" ? `${runAs ?? "root"} ` : ""}${run} --quiet`,
  ];
}
