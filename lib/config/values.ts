import { posix } from "node:path";
import { withoutSecrets } from "../destination.js";
import type { Setting } from "./settings.js";

type Told = Omit<Setting, "describe">;

/** What a value of this setting is, in words that follow "is". */
export function isWhat({ kind, choices, like, least = 0, most, unlimited }: Told): string {
  if (choices !== undefined) return `one of ${choices.join(", ")}`;
  if (like !== undefined) return like.is;
  if (kind === "flag") return "true or false";
  if (kind === "duration") return "a number with a unit (ms, s, m, h, d), such as 5m";
  if (unlimited) return "a whole number, or unlimited";
  if (kind === "count") return most === undefined ? "a whole number" : `a whole number from ${least} to ${most}`;
  return kind === "texts" || kind === "paths" ? "a text or a list of texts" : "a text";
}

const SECRET = /AGE-SECRET-KEY-/i;

/** A value that may be shown: without passwords, and no secret key, whatever it was given for. */
export function shownText(value: string): string {
  return SECRET.test(value) ? "a secret key" : withoutSecrets(value);
}

export const UNLIMITED = "unlimited";

const FLAGS = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

/** What a text says for a setting, one element of a list included; undefined where it says nothing. */
export function readText(setting: Told, text: string): string | number | boolean | undefined {
  const { kind, choices, like } = setting;
  if (text === "") return undefined;
  if (kind === "flag") return FLAGS.get(text);
  if (kind === "duration") return readDuration(text);
  if (setting.unlimited && (text === UNLIMITED || text === "-1")) return -1;
  if (kind === "count") return /^\d{1,9}$/.test(text) && isWithin(setting, Number(text)) ? Number(text) : undefined;
  if (choices !== undefined) return choices.find((choice) => choice === text);
  return like === undefined || like.pattern.test(text) ? text : undefined;
}

export function isWithin({ least = 0, most = Infinity }: Told, count: number): boolean {
  return count >= least && count <= most;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export const DURATION = /^(?:0|(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d))$/;

/** A duration such as `90s` or `1.5h`, in milliseconds. */
export function readDuration(text: string): number | undefined {
  const [whole, number = "0", unit = ""] = DURATION.exec(text) ?? [];
  return whole === undefined ? undefined : Math.round(Number(number) * (UNITS[unit] ?? 1));
}

/** The shortest text that says as much: `5m`, `1500ms`. */
export function durationText(ms: number): string {
  const [unit, factor] = Object.entries(UNITS).findLast(([, size]) => ms % size === 0) ?? ["ms", 1];
  return ms === 0 ? "0" : `${ms / factor}${unit}`;
}

/** Whose home `~` is, and what a relative path is relative to: undefined leaves it as it is. */
export interface Here {
  readonly homedir: string;
  readonly directory: string | undefined;
}

/** A path as people write it where no shell reads it. */
export function readPath(path: string, { homedir, directory }: Here): string {
  const full = path.replace(/^~(?=$|\/)/, () => homedir);
  return directory === undefined ? full : posix.resolve(directory, full);
}

/** A destination that is a directory of this machine has a path; others are left as they are. */
export function readDestination(destination: string, here: Here): string {
  const [, engine, path] = /^(rclone:|restic:)((?:\.{0,2}|~)\/.*|[^:]+)$/s.exec(destination) ?? [];
  return engine === undefined || path === undefined ? destination : engine + readPath(path, here);
}

/** The same for a setting of which some values are no paths. */
export function readPathOf({ verbatim }: Told, value: string, here: Here): string {
  return verbatim?.test(value) ? value : readPath(value, here);
}
