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

const LABEL = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The moment of a backup as names have it: in UTC, to the millisecond, in the order of time. */
export function stampOf(ms: number): string {
  return new Date(ms).toISOString().replaceAll(":", "-");
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

/** The compression that the ending of a file name stands for; undefined for a name that is no archive's. */
export function compressionOfName(name: string): Compression | undefined {
  return KNOWN_ENDINGS.find(([ending]) => name.length > ending.length && name.endsWith(ending))?.[1];
}

/** Whether a name asks for an archive encrypted with age. */
export function isEncryptedName(name: string): boolean {
  return name.endsWith(".age") && compressionOfName(name.slice(0, -".age".length)) !== undefined;
}

/** The name under which an archive grows. It begins with a dot, and no archive's does. */
export function partialName(name: string): string {
  return `.${name}.partial`;
}

export function isPartialName(name: string): boolean {
  const [, inner] = /^\.(.+)\.partial$/s.exec(name) ?? [];
  if (inner === undefined) return false;
  const bare = inner.replace(/\.index$/, "").replace(/\.age$/, "");
  return compressionOfName(bare) !== undefined;
}
