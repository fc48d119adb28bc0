import { execWord, settingWord } from "./quote.js";
import { sandbox } from "./sandbox.js";
import { ALARM, SERVICE, TIMER, type Schedule, type When } from "./schedule.js";

export interface Unit {
  readonly name: string;
  readonly text: string;
}

/** By this line a unit is known to be ours: systemd leaves sections alone whose names begin with `X-`. */
const MARK = "[X-Holdstill]";

const HEAD = [
  "# Written by `holdstill schedule install`; another one changes it, `holdstill schedule remove` takes it away.",
  "# What only this machine needs belongs in a drop-in (systemctl edit), which both leave alone.",
];

/** The units of a schedule: what runs, when, and what happens when it failed. */
export function unitsOf(schedule: Schedule): readonly Unit[] {
  return [
    { name: SERVICE, text: textOf(service(schedule)) },
    { name: TIMER, text: textOf(timer(schedule.when)) },
    { name: ALARM, text: textOf(alarm(schedule)) },
  ];
}

export function isOurs(text: string): boolean {
  return text.split("\n").includes(MARK);
}

function textOf(lines: readonly string[]): string {
  return [...HEAD, "", ...lines, "", MARK, "Format=1", ""].join("\n");
}

function service(schedule: Schedule): string[] {
  const { scope, sources, writable, command, environment, when } = schedule;
  return [
    "[Unit]",
    "Description=Backup by holdstill",
    "OnFailure=holdstill-alarm@%n.service",
    ...(scope === "system" ? [`RequiresMountsFor=${words([...new Set([...sources, ...writable])])}`] : []),
    ...startLimit(when),
    "",
    "[Service]",
    "Type=oneshot",
    `ExecStart=${command.map(execWord).join(" ")}`,
    ...asUser(schedule),
    ...assignments(environment),
    "# `systemctl status` shows how far a run is; systemd-notify, a child of it, tells.",
    "NotifyAccess=all",
    "# A run that is told to stop stops what it has started.",
    "KillMode=mixed",
    "# Stopped by somebody, or by a shutdown: nothing to be alarmed about.",
    "SuccessExitStatus=143",
    ...retry(when),
    "# Nice= and IOSchedulingClass= are left out: a slow freeze is a long one. A run makes itself idle after it.",
    "",
    ...sandbox(schedule),
  ];
}

function timer(when: When): string[] {
  const delay = delayOf(when);
  return [
    "[Unit]",
    "Description=When holdstill makes a backup",
    "",
    "[Timer]",
    `OnCalendar=${when.calendar}`,
    "# A run that was missed because the machine was off is made when it is on again.",
    "Persistent=true",
    "# Machines that share a disk do not all begin at once; each has its own delay.",
    `RandomizedDelaySec=${delay}s`,
    "FixedRandomDelay=true",
    "AccuracySec=1s",
    "",
    "[Install]",
    "WantedBy=timers.target",
  ];
}

function alarm(schedule: Schedule): string[] {
  return [
    "[Unit]",
    "Description=Alarm of holdstill about %i",
    "",
    "[Service]",
    "Type=oneshot",
    `ExecStart=${schedule.alarm.map(execWord).join(" ")} %i`,
    ...asUser(schedule),
    ...(schedule.scope === "system"
      ? ["# To quote the last lines of the run.", "SupplementaryGroups=systemd-journal"]
      : []),
    ...assignments(schedule.environment),
    "TimeoutStartSec=5min",
    "# No sandbox: what sends an alarm may need the network, a mail spool, or a program that is setgid.",
  ];
}

function asUser({ runAs }: Schedule): string[] {
  return runAs === undefined ? [] : [`User=${runAs}`];
}

function assignments(environment: Schedule["environment"]): string[] {
  return Object.entries(environment).map(([name, value]) => `Environment=${settingWord(`${name}=${value}`)}`);
}

export function words(texts: readonly string[]): string {
  return texts.map(settingWord).join(" ");
}

const RETRY_AFTER = 600;
const TRIES = 6;
const LONGEST_MEMORY = 4 * 3600;

/** Exit codes of failures that would only be repeated. Codes of nobody's are tried again, and end in the alarm as well. */
export const LASTING = [1, 3, 4, 10, 12, 20, 21, 64, 66, 70, 73, 78, 130];

/** Fewer starts than the timer asks for in that time, and more than the tries need. */
function startLimit({ period }: When): string[] {
  if (period === undefined) return ["# However often the timer asks.", "StartLimitIntervalSec=0"];
  return [
    `# ${TRIES} tries, and after the last the alarm.`,
    `StartLimitBurst=${TRIES}`,
    `StartLimitIntervalSec=${Math.ceil(Math.min(LONGEST_MEMORY, period * 0.9))}s`,
  ];
}

function retry({ period = Infinity }: When): string[] {
  return [
    "# Again later where it may be better then: another run was at work (11), or the disk was full (13). Hence all other",
    "# codes; RestartForceExitStatus=11 13 would say the same; systemd 252 refuses it here.",
    "Restart=on-failure",
    `RestartPreventExitStatus=${LASTING.join(" ")}`,
    `RestartSec=${Math.max(1, Math.min(RETRY_AFTER, Math.floor(period / 8)))}s`,
  ];
}

const LONGEST_DELAY = 600;

/** A tenth of the time between two runs. */
function delayOf({ period = 0, delay }: When): number {
  return delay ?? Math.min(LONGEST_DELAY, Math.floor(period / 10));
}
