import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** No process has this start time: the machine had not begun. */
const NEVER = "1";

/**
 * Makes the locks, stages and partial restores that a run of this process left look like those of a dead one, as they
 * would once the process had ended.
 */
export function bury(directories: readonly string[]): void {
  for (const directory of directories) {
    for (const name of existsSync(directory) ? readdirSync(directory) : []) {
      const path = join(directory, name);
      if (name.startsWith(".holdstill-stage-")) {
        buryOwner(join(path, "owner.json"));
        renameSync(path, path.replace(/-\d*$/, `-${NEVER}`));
      } else if (name.startsWith("lock") || name === ".holdstill-partial") buryOwner(path);
    }
  }
}

function buryOwner(path: string): void {
  if (!existsSync(path)) return;
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/"startTime":"\d*"/, `"startTime":"${NEVER}"`));
}
