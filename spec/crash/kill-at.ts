import { writeSync } from "node:fs";
import { disk } from "../../lib/filesystem.js";

/**
 * Loaded into a child before holdstill by `--import`: kills it before its nth step on the disk, or tells on stderr how
 * many there were.
 */
export const STEPS = "spec: steps ";

const given = process.env["HOLDSTILL_SPEC_KILL_AT"];
if (given !== undefined) killAt(Number(given));

function killAt(nth: number): void {
  let steps = 0;
  for (const [name, real] of Object.entries(disk)) {
    const counted = (...args: unknown[]): unknown => {
      if (++steps === nth) process.kill(process.pid, "SIGKILL");
      return (real as (...args: unknown[]) => unknown)(...args);
    };
    Object.assign(disk, { [name]: counted });
  }
  process.on("exit", () => writeSync(2, `${STEPS}${steps}\n`));
}
