import { posix } from "node:path";
import { isExposed, readIdentities } from "../age/key-files.js";
import { bytesOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import { isWithin } from "../guard/mounts.js";
import type { Surroundings } from "../surroundings.js";
import { findings, type Finding } from "./finding.js";

const found = findings("keys");

/** Longer than any file of keys, in bytes. */
const LONGEST = 1 << 16;

export interface KeysAndPlaces {
  /** Files with the secret keys that are configured. */
  readonly identities: readonly string[];
  /** Where archives go. */
  readonly directory: string;
  /** What is backed up. */
  readonly sources: readonly Bytes[];
}

/**
 * The secret keys that are configured, and those that lie in the archive directory: who else can read them, and whether
 * they would be lost with the backups, or with what is backed up.
 */
export function checkKeys({ identities, directory, sources }: KeysAndPlaces, around: Surroundings): Finding[] {
  const { fs, cwd } = around;
  const real = realOf(around, directory);
  const files = identities.map((given) => realOf(around, posix.resolve(cwd, given)));
  const missing = files.filter((file) => !isThere(around, file));
  const configured = files.filter((file) => !missing.includes(file));
  const there = [...new Set([...configured, ...keysIn(real, around)])];
  return [
    ...missing.map((file) => found("bad", `there is no secret key ${file}`, "See to identity in the configuration.")),
    ...there
      .filter((file) => isExposed(file, { fs, cwd }))
      .map((file) => found("warn", `others can read the secret key ${file}`, `chmod 600 ${file}`)),
    ...keptBadly(there, real, sources),
  ];
}

function keptBadly(keys: readonly string[], directory: string, sources: readonly Bytes[]): Finding[] {
  const isBeside = (key: string): boolean => isWithin(bytesOf(key), bytesOf(directory));
  const isInside = (key: string): boolean => sources.some((source) => isWithin(bytesOf(key), source));
  if (keys.length === 0 || !keys.every((key) => isBeside(key) || isInside(key))) return [];
  const where = keys.some(isBeside)
    ? "beside the backups, and is lost with them"
    : "in what is backed up, and is lost with it";
  return [
    found(
      "warn",
      `the only secret key known here lies ${where}: ${keys.join(", ")}`,
      "Keep it in two other places: without it nobody opens the backups, and with it whoever finds them does.",
    ),
  ];
}

/** Files of identities in a directory itself. */
function keysIn(directory: string, around: Surroundings): string[] {
  return filesIn(directory, around).filter((path) => {
    try {
      return readIdentities([path], around).length > 0;
    } catch (error) {
      if (!(error instanceof HoldstillError)) throw error;
      return false;
    }
  });
}

/** Those that are short enough for keys. */
function filesIn(directory: string, { fs }: Surroundings): string[] {
  const path = bytesOf(directory);
  try {
    return fs
      .list(path)
      .filter(({ name, kind }) => kind === "file" && fs.lstat(under(path, name)).size < LONGEST)
      .map(({ name }) => textOf(under(path, name)));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) throw error;
    return [];
  }
}

function realOf({ fs }: Surroundings, path: string): string {
  try {
    return textOf(fs.realpath(bytesOf(path)));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP")) throw error;
    return path;
  }
}

function isThere({ fs }: Surroundings, path: string): boolean {
  try {
    return fs.lstat(bytesOf(path)).kind === "file";
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) throw error;
    return false;
  }
}
