import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { sizeText } from "../report/size.js";

const MOST_KEPT_FREE = 1 << 30;
const LEAST_SHARE_FREE = 0.05;

/** Bytes that may be copied before the filesystem is asked again: others use it too. */
const TRUSTED = 32 << 20;

/** Keeps copies from filling the filesystem that the live program writes to. */
export interface SpaceGuard {
  /**
   * Says that `bytes` are about to be written.
   * @throws HoldstillError `no-space` where that would leave less than 5 % of the filesystem (1 GiB at most) free.
   */
  readonly take: (bytes: number) => void;
}

export function spaceGuard(fs: Filesystem, directory: Bytes): SpaceGuard {
  let allowed = 0;
  let trusted = 0;
  return {
    take(bytes) {
      if (bytes > Math.min(allowed, trusted)) {
        const { total, available } = fs.space(directory);
        allowed = available - Math.min(MOST_KEPT_FREE, total * LEAST_SHARE_FREE);
        trusted = Math.max(TRUSTED, bytes);
      }
      if (bytes > allowed) throw noSpace(directory, bytes, Math.max(0, allowed));
      allowed -= bytes;
      trusted -= bytes;
    },
  };
}

function noSpace(directory: Bytes, bytes: number, allowed: number): HoldstillError {
  return new HoldstillError(
    "no-space",
    `copying ${sizeText(bytes)} more into the stage would fill the disk: ${sizeText(allowed)} may be used`,
    {
      path: textOf(directory),
      hint: "Free some space on the source's filesystem, or leave out large files with --exclude.",
    },
  );
}
