import type { Failure } from "../../lib/report/failure.js";
import { recordOf, type FailedRun, type PublishedRun } from "../../lib/report/run-record.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import { reportWith } from "./sample.js";

const FACTS = { startedMs: Date.parse("2026-11-25T03:00:00.000Z"), label: undefined, paths: "named" } as const;

/** The record of a run that published, `at` minutes after three. */
export function publishedRun(at = 1, changes: Partial<CreateReport> = {}): PublishedRun {
  const ended = { outcome: "success", exitCode: 0, report: reportWith(changes) } as const;
  return recordOf(ended, { ...FACTS, run: `run ${at}`, endedMs: FACTS.startedMs + at * 60_000 }) as PublishedRun;
}

/** The record of a run that failed. */
export function failedRun(at = 1, changes: Partial<Failure> = {}): FailedRun {
  const failure = { code: "locked", message: "in use", path: "/backup/.holdstill/lock", ...changes } as const;
  const ended = { outcome: "failure", exitCode: 11, failure } as const;
  return recordOf(ended, { ...FACTS, run: `failed ${at}`, endedMs: FACTS.startedMs + at * 60_000 }) as FailedRun;
}
