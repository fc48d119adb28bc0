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

/** Bytes that copies may take of a filesystem; less than nothing where it is too full already. */
export function spendable(fs: Filesystem, directory: Bytes): number {
  const { total, available } = fs.space(directory);
  return available - Math.min(MOST_KEPT_FREE, total * LEAST_SHARE_FREE);
}

/** Of the stage at `path`, which is reached by `base`. */
export function spaceGuard(fs: Filesystem, { path, base }: Readonly<Record<"path" | "base", Bytes>>): SpaceGuard {
  let allowed = 0;
  let trusted = 0;
  return {
    take(bytes) {
      if (bytes > Math.min(allowed, trusted)) {
        allowed = spendable(fs, base);
        trusted = Math.max(TRUSTED, bytes);
      }
      if (bytes > allowed) throw noSpace(path, bytes, Math.max(0, allowed));
      allowed -= bytes;
      trusted -= bytes;
    },
  };
}

function noSpace(path: Bytes, bytes: number, allowed: number): HoldstillError {
  return new HoldstillError(
    "no-space",
    `copying ${sizeText(bytes)} more into the stage would fill the disk: ${sizeText(allowed)} may be used`,
    {
      path: textOf(path),
      hint: "Free some space on the source's filesystem, or leave out large files with --exclude.",
    },
  );
}
