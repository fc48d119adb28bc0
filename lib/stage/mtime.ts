import { spawnSync } from "node:child_process";
import { textOf, type Bytes } from "../bytes.js";
import type { Filesystem, Stat } from "../filesystem.js";
import { ourUid } from "../our-uid.js";
import { statIfThere } from "../stat-if-there.js";

/** Only its owner and root may set the times of a directory. */
export function maySetTimes(fs: Filesystem, { uid }: Pick<Stat, "uid">): boolean {
  const ours = ourUid(fs);
  return ours === undefined || ours === 0 || ours === uid;
}

/**
 * Does something to the names in a directory of which its mtime is not to tell, where that may be set.
 * @param meant what the mtime is to be afterwards, by what it was before
 */
export function keepingMtime(
  fs: Filesystem,
  directory: Bytes,
  act: () => void,
  meant: (mtimeNs: bigint) => bigint = (mtimeNs) => mtimeNs,
): void {
  const before = statIfThere(fs, directory);
  act();
  if (before !== undefined && maySetTimes(fs, before)) restoreMtime(fs, directory, meant(before.mtimeNs));
}

/**
 * Sets a directory's mtime to the nanosecond, and nothing else of it. Node's `utimes` keeps microseconds and sets the
 * atime too, so it is only used where there is no `touch` that can.
 */
export function restoreMtime(fs: Filesystem, path: Bytes, mtimeNs: bigint): void {
  const fraction = (mtimeNs % 1_000_000_000n).toString().padStart(9, "0");
  const text = `@${mtimeNs / 1_000_000_000n}.${fraction}`;
  spawnSync("touch", ["--no-dereference", "-m", "-d", text, "--", textOf(path)], { stdio: "ignore", timeout: 5_000 });
  if (fs.lstat(path).mtimeNs === mtimeNs) return;
  const seconds = Number(mtimeNs / 1000n) / 1e6;
  fs.utimes(path, seconds, seconds);
}
