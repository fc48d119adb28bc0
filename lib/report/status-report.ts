import type { GoodArchive } from "./list-report.js";
import type { FailedRun, PublishedRun, RunRecord } from "./run-record.js";

/** How the newest good archive compares with those before it, of the same sources. */
export interface Trend {
  readonly archives: number;
  /** Of the archives themselves. */
  readonly averageBytes: number;
  /** 0.03 for 3 % more. */
  readonly change: number;
}

/** A complete backup that another program keeps. */
export interface Elsewhere {
  /** `restic:REPOSITORY` or `rclone:REMOTE:PATH`, without secrets. */
  readonly destination: string;
  /** The archive's name, or the snapshot's id. */
  readonly name: string;
  readonly createdAt: string;
  readonly ageMs: number;
  readonly files: number;
  readonly bytes: number;
}

export interface Skips {
  /** When the run was that this is about: the newest that published an archive. */
  readonly at: string;
  readonly counts: PublishedRun["skipped"];
  readonly vanished: readonly string[];
  readonly unreadable: readonly string[];
  /** What vanished or could not be read, of all that was there: 0.01 for 1 %. */
  readonly share: number;
  /** What vanished in three runs or more of the newest ten. */
  readonly recurring: readonly { readonly path: string; readonly runs: number }[];
  /** Whether somebody should look into it. */
  readonly growing: boolean;
}

/** What `status` found: the document that `status --json` prints. Sizes in bytes, times in milliseconds or ISO 8601. */
export interface StatusReport {
  /** `none`: no archive is complete and verified; `missing`: there is no archive directory. */
  readonly outcome: "fresh" | "stale" | "none" | "missing";
  readonly directories: readonly string[];
  readonly maxAgeMs: number;
  /** The newest archive that is complete and verified. */
  readonly last:
    | (Pick<GoodArchive, "archive" | "name" | "id" | "createdAt" | "ageMs" | "label" | "files" | "bytes"> & {
        readonly archiveBytes: number;
        readonly trend: Trend | null;
      })
    | null;
  /** The newest that a run has brought elsewhere: what became of it there is not looked up. */
  readonly elsewhere: Elsewhere | null;
  readonly skips: Skips | null;
  readonly lastRun: RunRecord | null;
  readonly lastFailure: FailedRun | null;
  /** Of the timer; null where there is none, or it cannot be asked. */
  readonly next: string | null;
  readonly warnings: readonly string[];
}

export interface StatusFacts {
  readonly directories: readonly string[];
  /** The newest last. */
  readonly archives: readonly GoodArchive[];
  /** The newest last. */
  readonly records: readonly RunRecord[];
  readonly next: string | null;
  readonly warnings: readonly string[];
}

/** Clocks of machines that share a disk are never quite the same. */
const CLOCK_SLACK_MS = 60_000;
/** So many archives and runs are compared. */
const COMPARED = 7;
const RUNS = 10;
const RECURRING = 3;
const SHARE = 0.01;
const SHRUNK = -0.5;

/** Whether there is a fresh backup, and what there is to know of it. */
export function statusOf(facts: StatusFacts, maxAgeMs: number, now: number): StatusReport {
  const { directories, records, next } = facts;
  const isLater = ({ createdAt }: GoodArchive): boolean => Date.parse(createdAt) > now + CLOCK_SLACK_MS;
  const good = facts.archives.filter(({ complete, verified }) => complete === true && verified === true);
  const last = good.findLast((archive) => !isLater(archive));
  const trend = last && trendOf(last, good);
  const lastRun = records.at(-1) ?? null;
  const elsewhere = elsewhereOf(records, now);
  const ages = [last, elsewhere].flatMap((each) => each?.ageMs ?? []);
  return {
    outcome: ages.length === 0 ? "none" : Math.min(...ages) <= maxAgeMs ? "fresh" : "stale",
    ...{ directories, maxAgeMs },
    last: last === undefined ? null : { ...chosen(last), trend: trend ?? null },
    elsewhere,
    skips: skipsOf(records),
    lastRun,
    lastFailure: records.findLast((record) => record.outcome === "failure") ?? null,
    next,
    warnings: [
      ...facts.warnings,
      ...good.filter(isLater).map(({ archive }) => `${archive} is from the future, and does not count`),
      ...(trend && trend.change < SHRUNK ? ["the newest archive is less than half as large as those before it"] : []),
    ],
  };
}

function elsewhereOf(records: readonly RunRecord[], now: number): Elsewhere | null {
  const run = records.findLast(isElsewhere);
  if (run === undefined) return null;
  const { destination, startedAt: createdAt, files, contentBytes: bytes } = run;
  const name = "archive" in run ? run.archive : run.snapshot;
  return { destination, name, createdAt, ageMs: Math.max(0, now - Date.parse(createdAt)), files, bytes };
}

/** restic vouches for what it has stored itself. */
export function isElsewhere(run: RunRecord): run is PublishedRun & { readonly destination: string } {
  if (run.outcome === "failure" || !run.complete || run.destination === undefined) return false;
  return !("archive" in run) || run.verified;
}

function chosen({ archive, name, id, createdAt, ageMs, label, files, bytes, archiveBytes }: GoodArchive) {
  return { archive, name, id, createdAt, ageMs, ...(label !== undefined && { label }), files, bytes, archiveBytes };
}

function trendOf(last: GoodArchive, good: readonly GoodArchive[]): Trend | undefined {
  const { host, profile, sources } = last;
  const isOfTheSame = (other: GoodArchive): boolean =>
    other.host === host && other.profile === profile && other.sources.join("\0") === sources.join("\0");
  const before = good.slice(0, good.indexOf(last)).filter(isOfTheSame).slice(-COMPARED);
  if (before.length === 0) return undefined;
  const averageBytes = Math.round(before.reduce((sum, { archiveBytes }) => sum + archiveBytes, 0) / before.length);
  return { archives: before.length, averageBytes, change: last.archiveBytes / Math.max(1, averageBytes) - 1 };
}

function skipsOf(records: readonly RunRecord[]): Skips | null {
  const published = records.filter((record) => record.outcome !== "failure");
  const newest = published.at(-1);
  if (newest === undefined) return null;
  const { endedAt, skipped, vanished, unreadable, files } = newest;
  const lost = skipped.vanished + skipped.unreadable;
  const share = lost / Math.max(1, files + lost);
  const recurring = recurringIn(published.slice(-RUNS));
  return {
    ...{ at: endedAt, counts: skipped, vanished, unreadable, share, recurring },
    growing: recurring.length > 0 || share > SHARE,
  };
}

function recurringIn(runs: readonly PublishedRun[]): Skips["recurring"] {
  const times = new Map<string, number>();
  for (const { vanished } of runs) for (const path of new Set(vanished)) times.set(path, (times.get(path) ?? 0) + 1);
  const recurring = [...times]
    .filter(([, count]) => count >= RECURRING)
    .map(([path, count]) => ({ path, runs: count }));
  return recurring.sort((a, b) => b.runs - a.runs);
}
