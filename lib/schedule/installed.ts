import type { Surroundings } from "../surroundings.js";
import type { Scope } from "./schedule.js";
import { ourUnits, unitDirectory } from "./unit-files.js";

export interface Installed {
  readonly scope: Scope;
  /** Paths; none where nothing is installed. */
  readonly units: readonly string[];
}

/** The schedule that is meant: of a scope, or, where none is named, the user's own before the system's. */
export function installedUnits(
  scope: Scope | undefined,
  around: Pick<Surroundings, "fs" | "env" | "homedir">,
): Installed {
  const unitsIn = (one: Scope): Installed => ({ scope: one, units: ourUnits(around.fs, unitDirectory(one, around)) });
  if (scope !== undefined) return unitsIn(scope);
  const own = unitsIn("user");
  const system = unitsIn("system");
  return own.units.length === 0 && system.units.length > 0 ? system : own;
}
