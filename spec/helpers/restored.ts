import type { RestoreOptions } from "../../lib/restore.js";

/** Options of a restore of everything, as far as nothing else is said. */
export function restoreInto(
  target: string,
  options: Partial<RestoreOptions> & Pick<RestoreOptions, "archive">,
): RestoreOptions {
  return {
    ...{ target, include: [], exclude: [], strip: false, dryRun: false, keepDeliveries: false, keepSetuid: false },
    ...options,
  };
}
