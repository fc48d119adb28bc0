import { spawnSync } from "node:child_process";
import { textOf, type Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";

/**
 * Sets a directory's mtime to the nanosecond. Node's `utimes` keeps microseconds only, so `touch` does it where there
 * is one that can; the microseconds are right in any case.
 */
export function restoreMtime(fs: Filesystem, path: Bytes, mtimeNs: bigint): void {
  const seconds = Number(mtimeNs / 1000n) / 1e6;
  fs.utimes(path, seconds, seconds);
  if (fs.lstat(path).mtimeNs === mtimeNs) return;
  const fraction = (mtimeNs % 1_000_000_000n).toString().padStart(9, "0");
  const text = `@${mtimeNs / 1_000_000_000n}.${fraction}`;
  spawnSync("touch", ["--no-dereference", "-m", "-d", text, "--", textOf(path)], { stdio: "ignore", timeout: 5_000 });
}
