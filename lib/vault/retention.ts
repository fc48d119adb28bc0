import { HoldstillError } from "../errors.js";
import { before, isNothing, spanText, wallClock, type Offset, type Span } from "./span.js";

/** What to keep; a number counts archives or periods, -1 all of them. Whatever one rule keeps is kept. */
export interface Policy {
  readonly keepLast?: number | undefined;
  readonly keepHourly?: number | undefined;
  readonly keepDaily?: number | undefined;
  /** Weeks begin on Monday, as in ISO 8601. */
  readonly keepWeekly?: number | undefined;
  readonly keepMonthly?: number | undefined;
  readonly keepYearly?: number | undefined;
  /** Counted back from the newest archive, so that a backup that stopped does not lose its history. */
  readonly keepWithin?: Span | undefined;
  readonly keepLabel?: readonly string[] | undefined;
}

/** What a policy has to know of an archive. */
export interface Dated {
  readonly name: string;
  /** Milliseconds of the epoch. */
  readonly createdMs: number;
  readonly label: string | undefined;
  /** Whether everything is in it that had to be. */
  readonly complete: boolean;
  /** Whether it was read back whole. */
  readonly verified: boolean;
}

export type Decision<T> =
  | { readonly archive: T; readonly keep: true; readonly reasons: readonly string[] }
  | { readonly archive: T; readonly keep: false };

export interface Calendar {
  /** Milliseconds of the epoch. Archives from later do not count as the newest for `keepWithin`. */
  readonly now: number;
  readonly offset: Offset;
}

const DAY = 86_400_000;
const HOUR = 3_600_000;
/** The epoch began on a Thursday. */
const MONDAY = 3;

/** Each rule that counts, with the number of the period that a local time falls in; the last counts archives. */
const BUCKETS = [
  ["keepLast", "last", (_, position) => position],
  ["keepHourly", "hourly", (local) => Math.floor(local.getTime() / HOUR)],
  ["keepDaily", "daily", (local) => Math.floor(local.getTime() / DAY)],
  ["keepWeekly", "weekly", (local) => Math.floor((local.getTime() / DAY + MONDAY) / 7)],
  ["keepMonthly", "monthly", (local) => local.getUTCFullYear() * 12 + local.getUTCMonth()],
  ["keepYearly", "yearly", (local) => local.getUTCFullYear()],
] as const satisfies readonly (readonly [keyof Policy, string, (local: Date, position: number) => number])[];

/**
 * Refuses a policy that keeps nothing, which is what is left when one forgets to say what to keep.
 * @throws HoldstillError `usage`
 */
export function assertKeeps(policy: Policy): void {
  const counts = BUCKETS.some(([rule]) => (policy[rule] ?? 0) !== 0);
  const within = policy.keepWithin !== undefined && !isNothing(policy.keepWithin);
  if (counts || within || (policy.keepLabel ?? []).length > 0) return;
  throw new HoldstillError("usage", "no rule says which archives to keep, so none is removed", {
    hint: "Say what to keep, for example --keep-daily 7 --keep-weekly 4 --keep-monthly 12.",
  });
}

/**
 * Decides over archives of one kind, the newest first, as `restic forget` does: of each hour, day, week, month and
 * year the newest archive is kept, until as many of them have one as were asked for; where there are fewer, the oldest
 * archive of all is kept too, so that history grows to its full length. Two archives of the same moment are in the
 * order of their names. The newest archive that is complete and verified is always kept, or, where there is none, the
 * best there is: no policy removes the last backup.
 */
export function applyPolicy<T extends Dated>(
  archives: readonly T[],
  policy: Policy,
  calendar: Calendar,
): Decision<T>[] {
  const newestFirst = archives.toSorted((a, b) => b.createdMs - a.createdMs || (a.name < b.name ? 1 : -1));
  const rules = [
    ...bucketRules(policy, calendar),
    withinRule(newestFirst, policy, calendar),
    labelRule(policy),
    lastResort(newestFirst),
  ];
  return newestFirst.map((archive, position) => {
    const place = { position, isOldest: position === newestFirst.length - 1 };
    const reasons = rules.flatMap((rule) => rule(archive, place));
    return reasons.length > 0 ? { archive, keep: true, reasons } : { archive, keep: false };
  });
}

interface Place {
  readonly position: number;
  readonly isOldest: boolean;
}

/** Asked about each archive in turn, the newest first; says why it is kept, or nothing. */
type Rule = (archive: Dated, place: Place) => readonly string[];

function labelRule({ keepLabel = [] }: Policy): Rule {
  return ({ label }) => (label !== undefined && keepLabel.includes(label) ? [`label ${label}`] : []);
}

function withinRule(archives: readonly Dated[], { keepWithin }: Policy, { now, offset }: Calendar): Rule {
  if (keepWithin === undefined || isNothing(keepWithin)) return () => [];
  const newest = archives.find(({ createdMs }) => createdMs <= now);
  const start = newest === undefined ? -Infinity : before(newest.createdMs, keepWithin, offset);
  const reason = `within ${spanText(keepWithin)}`;
  return ({ createdMs }) => (createdMs > start ? [reason] : []);
}

function lastResort(newestFirst: readonly Dated[]): Rule {
  const complete = newestFirst.filter((archive) => archive.complete);
  const best = complete.find(({ verified }) => verified) ?? complete[0] ?? newestFirst[0];
  return (archive) => (archive === best ? [archive.complete ? "newest complete" : "newest"] : []);
}

function bucketRules(policy: Policy, { offset }: Calendar): Rule[] {
  return BUCKETS.map(([rule, reason, periodOf]) => {
    const asked = policy[rule] ?? 0;
    let left = asked < 0 ? Infinity : asked;
    let last: number | undefined;
    return ({ createdMs }, { position, isOldest }) => {
      if (left === 0) return [];
      const period = periodOf(wallClock(createdMs, offset), position);
      if (period === last && !isOldest) return [];
      left -= 1;
      const isNewestOfPeriod = period !== last;
      last = period;
      return [isNewestOfPeriod ? reason : `oldest ${reason}`];
    };
  });
}
