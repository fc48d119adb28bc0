import { posix } from "node:path";
import type { Bytes } from "../bytes.js";

/** Whether a symbolic link, by its own path below the target, leads out of the target. */
export function leadsOut(link: Bytes, to: Bytes): boolean {
  if (to.startsWith("/")) return true;
  const there = posix.normalize(posix.join(posix.dirname(link), to));
  return there === ".." || there.startsWith("../");
}
