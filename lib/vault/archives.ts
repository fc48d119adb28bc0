import { posix } from "node:path";
import { findZstd } from "../archive/compress.js";
import { isArchiveName, momentOfName } from "../archive/name.js";
import { peek } from "../archive/peek.js";
import type { Summary } from "../archive/summary.js";
import { bytesOf, bytewise, escaped, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import { statIfThere } from "../stat-if-there.js";
import type { Filesystem, Listed } from "../filesystem.js";
import type { Surroundings } from "../surroundings.js";
import { readSummary } from "./catalog.js";
import { defaultDirectory } from "./output.js";

type Needs = Pick<Surroundings, "fs" | "env" | "homedir" | "cwd" | "signal">;

/** The name that stands for the newest archive. */
export const LATEST = "latest";

/** A file in an archive directory that may be an archive. */
export interface Candidate {
  readonly path: string;
  readonly name: string;
  readonly size: number;
  /** When it was made, as far as can be told without reading it: in milliseconds of the epoch. */
  readonly moment: number;
  /** What its catalog says, if that is of this very file. */
  readonly summary: Summary | undefined;
}

/**
 * The archives in an archive directory, or in the default ones, the newest last: recognised by their content, and, where
 * that is damaged, by their names.
 * @throws HoldstillError `no-archive` where there is no such directory, or no archive in it
 */
export async function listArchives(directory: string | undefined, around: Needs): Promise<string[]> {
  const found: string[] = [];
  for (const candidate of candidates(directory, around)) {
    if (await passesForArchive(candidate, around)) found.push(candidate.path);
  }
  if (found.length > 0) return found;
  throw noneIn(directory, around);
}

/**
 * The path of the archive that a name stands for: `latest`, a path, or the beginning of a name in the archive
 * directory that no other has. Where a directory is named, what is in it comes before a path.
 * @throws HoldstillError `no-archive`, or `usage` where several names begin so
 */
export async function namedArchive(name: string, directory: string | undefined, around: Needs): Promise<string> {
  if (name === LATEST) return latest(directory, around);
  if (name === "") throw new HoldstillError("usage", "the name of the archive is empty");
  const asPath = posix.resolve(around.cwd, name);
  if (name.includes("/") || (directory === undefined && isThere(around.fs, asPath))) return asPath;
  const matching = candidates(directory, around).filter((candidate) => candidate.name.startsWith(name));
  const exact = matching.find((candidate) => candidate.name === name);
  if (exact) return exact.path;
  const archives: string[] = [];
  for (const candidate of matching) if (await passesForArchive(candidate, around)) archives.push(candidate.path);
  const [only, ...others] = archives;
  if (only !== undefined && others.length === 0) return only;
  if (only !== undefined) {
    throw new HoldstillError("usage", `the names of ${archives.length} archives begin with ${name}`, {
      hint: `Name one of them: ${archives.map((path) => posix.basename(path)).join(", ")}`,
    });
  }
  if (isThere(around.fs, asPath)) return asPath;
  throw new HoldstillError("no-archive", `there is no archive whose name begins with ${name}`, {
    path: directoriesOf(directory, around).join(", "),
    hint: "What there is: holdstill list [--output DIR]. A path names an archive anywhere.",
  });
}

/**
 * What may be an archive in an archive directory, or in the default ones, the newest last.
 * @throws HoldstillError `no-archive` where the directory cannot be read, or one that was named is not there
 */
export function candidates(directory: string | undefined, around: Needs): Candidate[] {
  const found = directoriesOf(directory, around).flatMap((path) => candidatesIn(path, directory !== undefined, around));
  return found.sort((a, b) => a.moment - b.moment || bytewise(bytesOf(a.name), bytesOf(b.name)));
}

/** Whether it is an archive, or has the name of one and cannot be told from one that is damaged. */
export async function passesForArchive(
  { path, name, summary }: Candidate,
  { fs, env, signal }: Needs,
): Promise<boolean> {
  signal.throwIfAborted();
  if (summary !== undefined) return true;
  const peeked = await peek(fs, bytesOf(path), findZstd(env["PATH"]));
  return peeked === "archive" || (peeked !== "other" && isArchiveName(name));
}

async function latest(directory: string | undefined, around: Needs): Promise<string> {
  for (const candidate of candidates(directory, around).reverse()) {
    if (await passesForArchive(candidate, around)) return candidate.path;
  }
  throw noneIn(directory, around);
}

function noneIn(directory: string | undefined, around: Needs): HoldstillError {
  return new HoldstillError("no-archive", "there is no archive here", {
    path: directoriesOf(directory, around).join(", "),
    hint: "Name an archive directory with --output.",
  });
}

export function directoriesOf(directory: string | undefined, around: Needs): string[] {
  return directory === undefined
    ? ["openclaw", "directory"].map((profile) => defaultDirectory(profile, around))
    : [posix.resolve(around.cwd, directory)];
}

function candidatesIn(directory: string, isNamed: boolean, { fs }: Needs): Candidate[] {
  return list(fs.list, directory, isNamed).flatMap(({ name, kind }) => {
    const path = under(bytesOf(directory), name);
    if (kind !== "file" || name.startsWith(".")) return [];
    const stat = statIfThere(fs, path);
    if (stat === undefined) return [];
    const summary = readSummary(fs, path, stat);
    const text = escaped(path);
    const moment = momentOf(summary, posix.basename(text), stat.mtimeNs);
    return [{ path: text, name: posix.basename(text), size: stat.size, moment, summary }];
  });
}

function momentOf(summary: Summary | undefined, name: string, mtimeNs: bigint): number {
  const created = Date.parse(summary?.createdAt ?? "");
  if (Number.isFinite(created)) return created;
  return momentOfName(name) ?? Number(mtimeNs / 1_000_000n);
}

function isThere(fs: Filesystem, path: string): boolean {
  try {
    return fs.lstat(bytesOf(path)).kind !== "directory";
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG")) throw error;
    return false;
  }
}

function list(read: (path: Bytes) => Listed[], directory: string, isNamed: boolean): Listed[] {
  try {
    return read(bytesOf(directory));
  } catch (error) {
    if (isErrno(error, "ENOENT") && !isNamed) return [];
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG")) throw error;
    const problem = isErrno(error, "ENOENT")
      ? "there is no such archive directory"
      : "the archive directory cannot be read";
    throw new HoldstillError("no-archive", problem, {
      path: directory,
      hint: "Check the path given with --output.",
      cause: error,
    });
  }
}
