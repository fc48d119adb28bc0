import { bytesOf, parentOf, textOf, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { leadsInto, mountsOf } from "../guard/mounts.js";
import { nearestExisting } from "../nearest-existing.js";
import { looking } from "../profile/discover.js";
import { locate as locateOpenclaw, type Place } from "../profile/location.js";

/** What is not to be restored into. */
interface Forbidden {
  readonly path: Bytes;
  readonly what: string;
}

/**
 * Refuses a target in what was backed up or in the OpenClaw state of this machine, or around either, where that is
 * there: by its path, or by whatever mount leads into it.
 * @throws HoldstillError `output-unusable`
 */
export function assertOutside(
  target: Bytes,
  sources: readonly Bytes[],
  around: Place & { readonly fs: Filesystem },
): void {
  const { fs } = around;
  const mounts = mountsOf(fs);
  const state: Forbidden = {
    path: bytesOf(locateOpenclaw(around, looking(fs)).stateDir),
    what: "the OpenClaw state of this machine",
  };
  for (const { path, what } of [...sources.map((path) => ({ path, what: "what was backed up" })), state]) {
    const live = liveOf(fs, path);
    // Outside of that one there is nowhere.
    if (live === undefined || live === "/") continue;
    const overlaps = leadsInto(mounts, target, live) || leadsInto(mounts, live, target);
    if (!overlaps && !isBelowSame(fs, target, live)) continue;
    throw new HoldstillError("output-unusable", `the target is not outside of ${what}: ${textOf(live)}`, {
      path: textOf(target),
      hint: "Restore beside it, look at what is there, and then move it into place.",
    });
  }
}

function liveOf(fs: Filesystem, path: Bytes): Bytes | undefined {
  try {
    return fs.realpath(path);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG", "ERR_INVALID_ARG_VALUE")) {
      return undefined;
    }
    throw error;
  }
}

/** Whether a path leads through the very directory that is at another. */
function isBelowSame(fs: Filesystem, path: Bytes, directory: Bytes): boolean {
  const { dev, ino } = fs.lstat(directory);
  for (let above = nearestExisting(fs, path); above !== ""; above = parentOf(above)) {
    const stat = fs.lstat(above);
    if (stat.dev === dev && stat.ino === ino) return true;
  }
  return false;
}
