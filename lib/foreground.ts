import type { Filesystem } from "./filesystem.js";
import { readProc } from "./guard/proc.js";

/** Whether a terminal sends us what is typed on it: then to what we have started as well. */
export function isInForeground(fs: Filesystem): boolean {
  const stat = readProc(fs, "/proc/self/stat") ?? "";
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return group !== undefined && group === foreground;
}
