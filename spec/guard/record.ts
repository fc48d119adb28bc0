import type { GuardOptions } from "../../lib/guard.js";

/** How the snapshot of a guarded command is recorded. */
export const RECORD: GuardOptions["record"] = {
  ...{ prometheus: undefined, paths: "named" },
  exitCodes: { of: ({ complete }) => (complete ? 0 : 3), ofFailure: () => 99 },
};
