import { posix } from "node:path";
import { bytesOf } from "../bytes.js";
import type { ScheduleRemoved } from "../report/schedule-report.js";
import type { Surroundings } from "../surroundings.js";
import { removeTree } from "../stage/leftovers.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { installedUnits } from "./installed.js";
import { ALARM, SERVICE, TIMER, type Scope } from "./schedule.js";
import { manager } from "./systemctl.js";
import { removeUnits } from "./unit-files.js";

/** Stops the timer and a run that is at work, and removes our units and what systemd keeps of them. Archives stay. */
export async function removeSchedule(scope: Scope | undefined, around: Surroundings): Promise<ScheduleRemoved> {
  const found = installedUnits(scope, around);
  if (found.units.length > 0) {
    const { systemctl } = await manager(found.scope, around.env);
    await systemctl("disable", TIMER);
    await systemctl("stop", TIMER, SERVICE);
    // One that failed would stay known by its name. By patterns, which may match nothing.
    await systemctl("reset-failed", ...[TIMER, SERVICE, ALARM].map((unit) => unit.replace(/[.@]/, "$&*")));
    removeLeftovers(found.scope, around);
    removeUnits(around.fs, found.units);
    await systemctl("daemon-reload");
  }
  return { outcome: "removed", ...found };
}

/** What systemd keeps of a schedule: when it ran last, and the cache directory. `systemctl clean` needs a session bus. */
function removeLeftovers(scope: Scope, { fs, env, homedir }: Surroundings): void {
  const data = env["XDG_DATA_HOME"] || posix.join(homedir, ".local/share");
  const state = scope === "system" ? "/var/lib" : data;
  unlinkIfThere(fs, bytesOf(posix.join(state, "systemd/timers", `stamp-${TIMER}`)));
  if (scope === "system") removeTree(fs, bytesOf("/var/cache/holdstill"));
}
