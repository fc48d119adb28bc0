import { randomUUID } from "node:crypto";
import { bytesOf, under } from "./bytes.js";
import type { Notification } from "./config/parse.js";
import { create, type CreateOptions } from "./create.js";
import type { ResticDestination } from "./destination.js";
import { HoldstillError, type ErrorCode } from "./errors.js";
import { hookAfter, hookBefore, type Hooks } from "./notify/hooks.js";
import { startPings } from "./notify/pings.js";
import type { CreateReport } from "./report/create-report.js";
import type { ResticReport } from "./report/restic-report.js";
import { failureOf, type Failure } from "./report/failure.js";
import { recordOf, type Ended, type RecordFacts, type RunRecord } from "./report/run-record.js";
import { runLine, runText } from "./report/run-text.js";
import type { Surroundings } from "./surroundings.js";
import { archiveDirectory, makeDirectory } from "./vault/output.js";
import { thisProcess } from "./vault/owner.js";
import { appendRun, appendRunNow } from "./vault/runs.js";

/** Who is to know of a run. */
export interface Told {
  readonly hooks: Hooks;
  readonly notifications: readonly Notification[];
  /** Where metrics are written to. */
  readonly prometheus: string | undefined;
  /** Withheld where others may read the records than may read the archives. */
  readonly paths: "named" | "withheld";
  readonly exitCodes: {
    readonly of: (report: CreateReport | ResticReport) => number;
    readonly ofFailure: (code: ErrorCode) => number;
  };
}

/** What was wrong before it was known what is to be backed up: no run. */
const NO_RUN: readonly ErrorCode[] = ["usage", "bad-configuration"];
/** Where nothing can be written, or must not be. */
const NO_PLACE: readonly ErrorCode[] = [...NO_RUN, "output-unusable"];

/** Warnings that a notification quotes. */
const QUOTED = 20;

/**
 * Makes a backup that somebody counts on: runs the hooks, sends the notifications, records how it ended, and writes the
 * metrics. None of these makes it fail but the hook before it.
 * @throws HoldstillError with the code of what failed
 */
export function backup(options: CreateOptions, outside: Surroundings, told: Told): Promise<CreateReport> {
  // The directory can be written to, whatever becomes of the archive elsewhere.
  const noPlace = options.deliver === undefined ? NO_PLACE : NO_RUN;
  return tellOf({ make: (around) => create(options, around), noPlace }, options, outside, told);
}

/**
 * The same where restic stores it. The archive directory has the records then, and is made for them.
 * @throws HoldstillError with the code of what failed
 */
export function backupWithRestic(
  options: CreateOptions,
  { destination, told }: { readonly destination: ResticDestination; readonly told: Told },
  outside: Surroundings,
): Promise<ResticReport> {
  const make = async (around: Surroundings): Promise<ResticReport> => {
    const { fs } = around;
    const directory = bytesOf(archiveDirectory(options, around));
    makeDirectory(fs, under(directory, bytesOf(".holdstill")));
    // What it takes to drive restic is loaded only where it is driven.
    const { createWithRestic } = await import("./create-with-restic.js");
    return createWithRestic(options, destination, around);
  };
  return tellOf({ make, noPlace: NO_RUN }, options, outside, told);
}

interface Backup<Report> {
  readonly make: (around: Surroundings) => Promise<Report>;
  /** What ends a run of which there can be no record. */
  readonly noPlace: readonly ErrorCode[];
}

async function tellOf<Report extends CreateReport | ResticReport>(
  { make, noPlace }: Backup<Report>,
  options: CreateOptions,
  outside: Surroundings,
  told: Told,
): Promise<Report> {
  const warnings: string[] = [];
  const around: Surroundings = {
    ...outside,
    onEvent(event) {
      if (event.type === "warning" && !warnings.includes(event.message)) warnings.push(event.message);
      outside.onEvent(event);
    },
  };
  const startedMs = around.now();
  const run = { run: randomUUID(), startedMs, label: options.label, paths: told.paths };
  const forget = around.scratch.add(() => abandon(run, options, told, around));
  const pings = startPings(told.notifications, around);
  const { ended, result, error } = await attempt(make, options, told, around);

  const facts = { ...run, endedMs: around.now() };
  const record = recordOf(ended, facts);
  // Whoever interrupts a run still lets it tell so, and whoever interrupts the telling ends that.
  const signal = around.signal.aborted ? new AbortController().signal : around.signal;
  const telling = { ...around, signal };
  if (record.outcome !== "failure" || !noPlace.includes(record.error.code)) await keep(record, options, telling);
  forget();
  await measure(record, options, told, telling);
  const text = runText(ended, recordOf(ended, { ...facts, paths: "named" }), warnings.slice(-QUOTED));
  const news = { outcome: ended.outcome, host: thisProcess().hostname, line: runLine(record), text };
  await Promise.all([hookAfter(told.hooks, ended, telling), pings.finish(news, signal)]);

  if (result === undefined) throw error;
  return { ...result, warnings: [...new Set([...result.warnings, ...warnings])] };
}

interface Attempt<Report> {
  readonly ended: Ended;
  /** Undefined where it failed. */
  readonly result?: Report;
  readonly error?: unknown;
}

async function attempt<Report extends CreateReport | ResticReport>(
  make: Backup<Report>["make"],
  options: CreateOptions,
  { hooks, exitCodes }: Told,
  around: Surroundings,
): Promise<Attempt<Report>> {
  try {
    const { label, sources } = options;
    await hookBefore(hooks, { ...(sources && { sources }), ...(label !== undefined && { label }) }, around);
    const report = await make(around);
    const exitCode = exitCodes.of(report);
    return { ended: { outcome: exitCode === 0 ? "success" : "incomplete", exitCode, report }, result: report };
  } catch (error) {
    const cause: unknown = around.signal.aborted ? around.signal.reason : error;
    const failure = failureOf(cause);
    return { ended: { outcome: "failure", exitCode: exitCodes.ofFailure(failure.code), failure }, error: cause };
  }
}

/** The process ends in the middle of it all: by a defect, or because somebody is in a hurry. */
function abandon(run: Omit<RecordFacts, "endedMs">, options: CreateOptions, { exitCodes }: Told, around: Surroundings) {
  const { signal, fs, now } = around;
  const reason: unknown = signal.aborted ? signal.reason : new HoldstillError("internal", "the run ended unfinished");
  const failure = failureOf(reason);
  const ended: Ended = { outcome: "failure", exitCode: exitCodes.ofFailure(failure.code), failure };
  appendRunNow(fs, bytesOf(archiveDirectory(options, around)), recordOf(ended, { ...run, endedMs: now() }));
}

async function keep(record: RunRecord, options: CreateOptions, around: Surroundings): Promise<void> {
  await orWarn(around, "the run could not be recorded", async () => {
    await appendRun(around.fs, bytesOf(archiveDirectory(options, around)), record, around.now());
  });
}

async function measure(
  record: RunRecord,
  options: CreateOptions,
  { prometheus }: Told,
  around: Surroundings,
): Promise<void> {
  if (prometheus === undefined || (record.outcome === "failure" && NO_RUN.includes(record.error.code))) return;
  await orWarn(around, "the metrics could not be written", async () => {
    const { writeMetrics } = await import("./metrics.js");
    await writeMetrics(prometheus, archiveDirectory(options, around), record, around);
  });
}

/** What is told of a backup must not make it fail. */
async function orWarn({ onEvent }: Surroundings, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { message }: Failure = failureOf(error);
    onEvent({ type: "warning", message: `${what}: ${message}` });
  }
}
