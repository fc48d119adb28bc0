import { spawnSync } from "node:child_process";
import { textOf, type Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";

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
