import { posix } from "node:path";
import { compressionOfName } from "../archive/name.js";
import type { Compression } from "../archive/compress.js";
import { bytesOf, parentOf, textOf, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { leadsInto, mountsOf } from "../guard/mounts.js";

/** Where an archive is to be published. */
export interface Output {
  /** The archive directory, absolute. */
  readonly directory: string;
  /** The archive's own name, where it was given; its ending has fixed the compression. */
  readonly file: { readonly name: string; readonly compression: Compression } | undefined;
}

export interface OutputPlace {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homedir: string;
  readonly cwd: string;
}

/** Where archives of a profile are kept when nobody says otherwise. */
export function defaultDirectory(profile: string, { env, homedir }: Omit<OutputPlace, "cwd">): string {
  const data = env["XDG_DATA_HOME"];
  return posix.join(data && posix.isAbsolute(data) ? data : posix.join(homedir, ".local/share"), "holdstill", profile);
}

/** The archive directory that a backup goes to, as far as its options tell. */
export function archiveDirectory({ sources, profile, output }: ArchivePlace, place: OutputPlace): string {
  return outputOf(output, profile ?? (sources === undefined ? "openclaw" : "directory"), "auto", place).directory;
}

export interface ArchivePlace {
  readonly sources: readonly string[] | undefined;
  readonly profile: "openclaw" | "directory" | undefined;
  readonly output: string | undefined;
}

/**
 * What `--output` means: an archive directory, or by its ending an archive.
 * @throws HoldstillError `usage` for a contrary `--compress`
 */
export function outputOf(
  given: string | undefined,
  profile: string,
  asked: "auto" | Compression,
  place: OutputPlace,
): Output {
  if (given === undefined) return { directory: defaultDirectory(profile, place), file: undefined };
  const path = posix.resolve(place.cwd, given);
  const name = posix.basename(path);
  const compression = compressionOfName(name);
  if (compression === undefined) return { directory: path, file: undefined };
  if (asked !== "auto" && asked !== compression) {
    throw new HoldstillError("usage", `--compress ${asked} contradicts the name of the archive`, {
      path,
      hint: `The ending of ${name} stands for ${compression}: leave out --compress, or change the ending.`,
    });
  }
  return { directory: posix.dirname(path), file: { name, compression } };
}

/**
 * Refuses an output that exists, or that lies in what is to be backed up.
 * @throws HoldstillError `output-exists`, `output-unusable`
 */
export function checkOutput(fs: Filesystem, { directory, file }: Output, sources: readonly string[]): void {
  const path = file ? posix.join(directory, file.name) : directory;
  if (file && exists(fs, bytesOf(path))) throw outputExists(path);
  const [real, mounts] = [realOf(fs, bytesOf(directory)), mountsOf(fs)];
  const inside = sources.find((source) => leadsInto(mounts, real, bytesOf(source)));
  if (inside === undefined) return;
  throw new HoldstillError("output-unusable", `the output lies inside the source ${inside}`, {
    path,
    hint: "Choose an --output outside of what is backed up, or each backup would hold the ones before.",
  });
}

export function outputExists(path: string): HoldstillError {
  return new HoldstillError("output-exists", "the output exists already, and is never overwritten", {
    path,
    hint: "Choose another name, or move the existing file away.",
  });
}

function exists(fs: Filesystem, path: Bytes): boolean {
  try {
    fs.lstat(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return false;
    throw unusable(path, error);
  }
}

/** The path with its links resolved, as far as it exists. */
function realOf(fs: Filesystem, path: Bytes): Bytes {
  try {
    return fs.realpath(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) throw unusable(path, error);
    const parent = parentOf(path);
    if (parent === "") return path;
    return `${realOf(fs, parent)}${path.slice(parent.length)}` as Bytes;
  }
}

/**
 * Creates the archive directory, closed to all others, if it is not there.
 * @throws HoldstillError `output-unusable`, `no-space`
 */
export function makeDirectory(fs: Filesystem, path: Bytes): void {
  if (parentIsMissing(fs, path) === undefined) return;
  makeDirectory(fs, parentOf(path));
  // In /proc it is "missing" even then.
  const error = parentIsMissing(fs, path);
  if (error !== undefined) throw unusable(path, error);
}

/** Makes the directory, or returns the error that says that its parent is not there. */
function parentIsMissing(fs: Filesystem, path: Bytes): Error | undefined {
  try {
    fs.mkdir(path, 0o700);
  } catch (error) {
    if (isErrno(error, "EEXIST")) assertDirectory(fs, path);
    else if (isErrno(error, "ENOENT") && parentOf(path) !== "") return error;
    else throw unusable(path, error);
  }
  return undefined;
}

function assertDirectory(fs: Filesystem, path: Bytes): void {
  try {
    if (fs.lstat(fs.realpath(path)).kind === "directory") return;
  } catch (error) {
    throw unusable(path, error);
  }
  throw new HoldstillError("output-unusable", "the output is neither a directory nor named like an archive", {
    path: textOf(path),
    hint: "Give a directory, or a name that ends in .tar, .tar.gz, .tgz, .tar.zst or .tzst, and .age after that if it is encrypted.",
  });
}

/** What an error of the output's disk means. */
export function unusable(path: Bytes, error: unknown): unknown {
  if (error instanceof HoldstillError || !(error instanceof Error) || !("code" in error)) return error;
  if (isErrno(error, "ENOSPC", "EDQUOT")) {
    return new HoldstillError("no-space", "no space is left for the archive", {
      path: textOf(path),
      hint: "Free some space there, or choose another --output.",
      cause: error,
    });
  }
  return new HoldstillError("output-unusable", `the output cannot be written (${String(error.code)})`, {
    path: textOf(path),
    hint: "Check its permissions and its disk, or choose another --output.",
    cause: error,
  });
}
