import { posix } from "node:path";
import { bytesOf, exactTextOf } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { directory } from "./directory.js";
import { CACHE_DIRECTORY } from "./marker.js";
import { openclaw, type OpenclawOptions } from "./openclaw.js";
import type { Place } from "./location.js";
import type { Look, ProfilePlan } from "./plan.js";

export interface DiscoverOptions extends OpenclawOptions {
  /** Directories to back up; undefined means the OpenClaw state. */
  readonly sources: readonly string[] | undefined;
  readonly profile: "openclaw" | "directory" | undefined;
  /** Whether directories with a CACHEDIR.TAG are left out. */
  readonly excludeCaches: boolean;
}

/** What there is to back up. Fails with `source-missing`, or with `usage` where profile and sources do not go together. */
export function discover(options: DiscoverOptions, place: Place & { readonly fs: Filesystem }): ProfilePlan {
  const plan = planned(options, place, looking(place.fs));
  return options.excludeCaches ? { ...plan, markers: [...plan.markers, CACHE_DIRECTORY] } : plan;
}

function planned(options: DiscoverOptions, place: Place, look: Look): ProfilePlan {
  const { sources = [], profile = sources.length > 0 ? "directory" : "openclaw" } = options;
  if (profile === "directory") {
    if (sources.length === 0) throw new HoldstillError("usage", "the profile directory needs a --source");
    if (options.onlyConfig)
      throw new HoldstillError("usage", "only the profile openclaw has a configuration of its own");
    return directory(sources, place.cwd, look);
  }
  if (sources.length > 1) throw new HoldstillError("usage", "the profile openclaw has one source, its state directory");
  const [state] = sources;
  if (state === undefined) return openclaw(options, place, look);
  const env = { ...place.env, OPENCLAW_STATE_DIR: posix.resolve(place.cwd, state) };
  return openclaw(options, { ...place, env }, look);
}

/** Configurations are kilobytes; what is larger is none. */
const MAX_TEXT = 16 * 1024 * 1024;

/** A profile's view of a disk. What may not be looked at counts as missing. */
export function looking(fs: Filesystem): Look {
  const canonical = (path: string): string => {
    try {
      return exactTextOf(fs.realpath(bytesOf(path))) ?? path;
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      const parent = posix.dirname(path);
      return parent === path ? path : posix.join(canonical(parent), posix.basename(path));
    }
  };
  const kind = (path: string) => {
    try {
      const found = fs.lstat(fs.realpath(bytesOf(path))).kind;
      return found === "file" || found === "directory" ? found : "special";
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      return undefined;
    }
  };
  return { canonical, kind, read: (path) => readText(fs, path) };
}

function readText(fs: Filesystem, path: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = fs.openRead(fs.realpath(bytesOf(path)));
    const { kind, size } = fs.fstat(fd);
    if (kind !== "file" || size > MAX_TEXT) return undefined;
    const buffer = Buffer.alloc(size);
    let length = 0;
    for (let read = -1; read !== 0 && length < size; length += read) {
      read = fs.read(fd, buffer, length, size - length, length);
    }
    return buffer.toString("utf8", 0, length);
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    return undefined;
  } finally {
    if (fd !== undefined) fs.close(fd);
  }
}

/** A path with a NUL in it Node refuses by itself. */
function isUnreachable(error: unknown): boolean {
  return isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP", "EPERM", "ENAMETOOLONG", "ERR_INVALID_ARG_VALUE");
}
