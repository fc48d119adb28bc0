import { HoldstillError } from "../errors.js";
import type { Policy } from "../vault/retention.js";
import { parseSpan } from "../vault/span.js";
import { RETENTION } from "./options.js";

/** The rules as options have them: the span is a text. */
export type Rules = Omit<Policy, "keepWithin"> & { readonly keepWithin?: string | undefined };

export function policyOf({ keepWithin, ...rules }: Rules): Policy {
  const { keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly, keepLabel } = rules;
  const within = keepWithin === undefined ? undefined : parseSpan(keepWithin);
  return { keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly, keepWithin: within, keepLabel };
}

/** For `check` of a command that prunes only if asked to. */
export function assertPruning(argv: Readonly<Record<string, unknown>>): true {
  const given = Object.keys(RETENTION).find((option) => argv[option] !== undefined);
  if (given === undefined || argv["prune"] === true) return true;
  throw new HoldstillError("usage", `--${given} goes with --prune`);
}
