import { HoldstillError } from "../errors.js";
import type { Compression } from "./compress.js";

const ENDINGS: Readonly<Record<Compression, string>> = { zstd: ".tar.zst", gzip: ".tar.gz", none: ".tar" };

const KNOWN_ENDINGS: readonly (readonly [string, Compression])[] = [
  [".tar", "none"],
  [".tar.gz", "gzip"],
  [".tgz", "gzip"],
  [".tar.zst", "zstd"],
  [".tzst", "zstd"],
];

/** What follows the ending of an archive that is encrypted. */
export const ENCRYPTED = ".age";

/** What a label looks like: it can stand in a file name. */
export const LABEL = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The moment of a backup as names have it: in UTC, to the millisecond, in the order of time. */
export function stampOf(ms: number): string {
  return new Date(ms).toISOString().replaceAll(":", "-");
}

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d(?:\.\d+)?)(Z|[+-]\d\d)(?:[-:]?(\d\d))?(?!\d)/;

/** The moment that a name begins with, in milliseconds of the epoch: in UTC as ours, or with an offset as OpenClaw's. */
export function momentOfName(name: string): number | undefined {
  const [, hour, minute, second, zone = "", minutes = "00"] = STAMP.exec(name) ?? [];
  if (hour === undefined) return undefined;
  const moment = Date.parse(`${hour}:${minute}:${second}${zone === "Z" ? "Z" : `${zone}:${minutes}`}`);
  return Number.isNaN(moment) ? undefined : moment;
}

/** The one directory at the top of an archive. */
export function archiveRoot(stamp: string, profile: string): string {
  return `${stamp}-${profile}-backup`;
}

export function archiveName(stamp: string, profile: string, label: string | undefined, format: Compression): string {
  return `${stamp}-${profile}${label === undefined ? "" : `-${label}`}${ENDINGS[format]}`;
}

/**
 * A label that can stand in a file name.
 * @throws HoldstillError `usage`
 */
export function checkedLabel(label: string): string {
  if (LABEL.test(label)) return label;
  throw new HoldstillError("usage", `a label cannot be ${JSON.stringify(label)}`, {
    hint: "Use up to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit.",
  });
}

/** The compression that the ending of a file name stands for, encrypted or not; undefined for no archive's name. */
export function compressionOfName(name: string): Compression | undefined {
  const inner = name.endsWith(ENCRYPTED) ? name.slice(0, -ENCRYPTED.length) : name;
  return KNOWN_ENDINGS.find(([ending]) => inner.endsWith(ending))?.[1];
}

/** Whether a name is that of an archive encrypted with age. */
export function isEncryptedName(name: string): boolean {
  return name.endsWith(ENCRYPTED) && isArchiveName(name);
}

/** Whether an archive of ours may have this name. */
export function isArchiveName(name: string): boolean {
  return compressionOfName(name) !== undefined;
}

/** Whether a name is one that `archiveName` makes, or begins with one. */
export function isStampedName(name: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z-(?:openclaw|directory)[-.]/.test(name);
}

/** The label in a name of ours. */
export function labelOfName(name: string): string | undefined {
  const [, label] = /^[^-]+-[^-]+-[^-]+-[^-]+-[^-]+Z-(?:openclaw|directory)-(.+?)\.(?:tar|tgz|tzst)\b/.exec(name) ?? [];
  return label !== undefined && LABEL.test(label) ? label : undefined;
}

/** The name under which an archive grows. It begins with a dot, and no archive's does. */
export function partialName(name: string): string {
  return `.${name}.partial`;
}

export function isPartialName(name: string): boolean {
  const [, inner] = /^\.(.+)\.partial$/s.exec(name) ?? [];
  if (inner === undefined) return false;
  return isArchiveName(inner.replace(/\.index$/, ""));
}
