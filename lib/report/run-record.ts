import { elapsedMs } from "../elapsed.js";
import type { ErrorCode } from "../errors.js";
import type { CreateReport, SkippedPath } from "./create-report.js";
import type { Failure } from "./failure.js";
import type { ResticReport } from "./restic-report.js";

/** How a run ended: exit code 0, exit code 3, any other. */
export type Outcome = "success" | "incomplete" | "failure";

/** A run that has ended. */
export type Ended =
  | {
      readonly outcome: "success" | "incomplete";
      readonly exitCode: number;
      readonly report: CreateReport | ResticReport;
    }
  | { readonly outcome: "failure"; readonly exitCode: number; readonly failure: Failure };

interface Ran {
  /** Of the run: random. */
  readonly run: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly durationMs: number;
  readonly exitCode: number;
  readonly label?: string;
}

export interface FailedRun extends Ran {
  readonly outcome: "failure";
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly path?: string };
}

interface Published extends Ran {
  readonly outcome: "success" | "incomplete";
  readonly id: string;
  /** Of the archive, or what was new to the repository; in bytes, as all sizes are. */
  readonly bytes: number;
  readonly files: number;
  /** Of all files in it. */
  readonly contentBytes: number;
  readonly complete: boolean;
  readonly verdicts: CreateReport["verdicts"];
  readonly skipped: Readonly<Record<SkippedPath["reason"] | "excluded", number>>;
  /** The first of those paths. */
  readonly vanished: readonly string[];
  readonly unreadable: readonly string[];
}

export interface ArchivedRun extends Published {
  /** The archive's name. */
  readonly archive: string;
  readonly verified: boolean;
  /** Where it was carried, without secrets. */
  readonly destination?: string;
  readonly timings: CreateReport["timings"];
}

/** Of a snapshot that restic has stored. */
export interface StoredRun extends Published {
  /** Without secrets. */
  readonly destination: string;
  readonly snapshot: string;
  readonly timings: ResticReport["timings"];
}

export type PublishedRun = ArchivedRun | StoredRun;

/** One line of `runs.jsonl`. Times are ISO 8601, durations in milliseconds. */
export type RunRecord = FailedRun | PublishedRun;

/** Of the paths of one kind so many are kept, and no more than so many characters of all of them. */
const PATHS = 50;
const CHARACTERS = 8192;

export interface RecordFacts {
  readonly run: string;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly label: string | undefined;
  /** Where others can read the record who may not read the archives, paths are withheld. */
  readonly paths: "named" | "withheld";
}

/** What is kept of a run. */
export function recordOf(ended: Ended, { run, startedMs, endedMs, label, paths }: RecordFacts): RunRecord {
  const ran = {
    ...{ run, startedAt: new Date(startedMs).toISOString(), endedAt: new Date(endedMs).toISOString() },
    ...{ durationMs: elapsedMs(startedMs, endedMs), exitCode: ended.exitCode },
    ...(label !== undefined && { label }),
  };
  if (ended.outcome === "failure") {
    return { ...ran, outcome: ended.outcome, error: errorOf(ended.failure, paths) };
  }
  const { report, outcome } = ended;
  const { id, counts, complete, verdicts, excluded } = report;
  const of = (reason: SkippedPath["reason"]) => report.skipped.filter((skip) => skip.reason === reason);
  const named = (skips: readonly SkippedPath[]) => (paths === "named" ? first(skips.map(({ path }) => path)) : []);
  const [vanished, special, unreadable] = [of("vanished"), of("special"), of("unreadable")];
  return {
    ...{ ...ran, outcome, ...keptOf(report), id },
    ...{ files: counts.files, contentBytes: counts.bytes, complete, verdicts },
    skipped: {
      ...{ vanished: vanished.length, special: special.length, unreadable: unreadable.length },
      excluded: excluded.count,
    },
    ...{ vanished: named(vanished), unreadable: named(unreadable) },
  };
}

/** What there is now, and where. */
function keptOf(report: CreateReport | ResticReport) {
  if ("snapshot" in report) {
    const { destination, snapshot, restic, timings } = report;
    return { destination, snapshot, bytes: restic.bytesAdded, timings };
  }
  const { archive, bytes, verified, delivered, timings } = report;
  const name = archive.slice(archive.lastIndexOf("/") + 1);
  return { archive: name, bytes, verified, ...(delivered && { destination: delivered.to }), timings };
}

function errorOf({ code, message, path }: Failure, paths: RecordFacts["paths"]): FailedRun["error"] {
  if (paths === "withheld") return { code, message: code };
  return { code, message: message.slice(0, CHARACTERS), ...(path !== undefined && { path }) };
}

function first(paths: readonly string[]): string[] {
  let left = CHARACTERS;
  return paths.slice(0, PATHS).filter((path) => (left -= path.length) >= 0);
}

export function printRecord(record: RunRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Undefined where the line is damaged. */
export function parseRecord(line: string): RunRecord | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

function isRecord(value: unknown): value is RunRecord {
  if (!isObject(value)) return false;
  const { run, startedAt, endedAt, durationMs, exitCode, outcome, error, label } = value;
  const ran = isText(run) && isTime(startedAt) && isTime(endedAt) && isCount(durationMs) && isCount(exitCode);
  if (!ran || !(label === undefined || isText(label))) return false;
  if (outcome === "failure") {
    return isObject(error) && isText(error["code"]) && isText(error["message"]) && isOptional(error["path"]);
  }
  const { verdicts, skipped, complete } = value;
  return (
    (outcome === "success" || outcome === "incomplete") &&
    (isArchived(value) || isStored(value)) &&
    isText(value["id"]) &&
    haveCounts(value, "bytes", "files", "contentBytes") &&
    haveCounts(verdicts, "exact", "prefix", "recaptured", "unstable") &&
    haveCounts(skipped, "vanished", "special", "unreadable", "excluded") &&
    typeof complete === "boolean" &&
    areTexts(value["vanished"]) &&
    areTexts(value["unreadable"])
  );
}

function isArchived({ archive, destination, verified, timings }: Record<string, unknown>): boolean {
  const isWhole = isText(archive) && isOptional(destination) && typeof verified === "boolean";
  return isWhole && haveCounts(timings, "freezeMs", "archiveMs", "verifyMs", "totalMs");
}

function isStored({ snapshot, destination, timings }: Record<string, unknown>): boolean {
  return isText(snapshot) && isText(destination) && haveCounts(timings, "freezeMs", "settleMs", "commandMs", "totalMs");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function haveCounts(value: unknown, ...names: readonly string[]): boolean {
  return isObject(value) && names.every((name) => isCount(value[name]));
}

function isCount(value: unknown): boolean {
  return Number.isFinite(value) && (value as number) >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isOptional(value: unknown): boolean {
  return value === undefined || isText(value);
}

function isTime(value: unknown): boolean {
  return isText(value) && Number.isFinite(Date.parse(value));
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}
