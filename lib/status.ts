import { bytesOf } from "./bytes.js";
import { HoldstillError } from "./errors.js";
import { list } from "./look/list.js";
import { metricsOf, saveMetrics } from "./metrics.js";
import { failureOf } from "./report/failure.js";
import type { GoodArchive, ListReport } from "./report/list-report.js";
import type { RunRecord } from "./report/run-record.js";
import { statusOf, type StatusReport } from "./report/status-report.js";
import type { Surroundings } from "./surroundings.js";
import { directoriesOf } from "./vault/archives.js";
import { existingDirectories } from "./vault/existing.js";
import { readRuns } from "./vault/runs.js";

export interface StatusOptions {
  /** The archive directory; undefined means the default ones. */
  readonly output: string | undefined;
  readonly maxAgeMs: number;
  /** Where metrics are written to. */
  readonly prometheus: string | undefined;
}

export interface StatusSurroundings extends Surroundings {
  /** When the timer makes the next backup, in ISO 8601; null where nobody can tell. */
  readonly nextRun: () => Promise<string | null>;
}

/**
 * Whether there is a fresh backup, by what archives there are, and what the records of runs tell besides.
 * @throws HoldstillError `output-unusable` where metrics cannot be written
 */
export async function status(options: StatusOptions, around: StatusSurroundings): Promise<StatusReport> {
  const { output, maxAgeMs, prometheus } = options;
  const directories = existing(output, around);
  const { archives, damaged } = directories.length === 0 ? NOTHING : await goodArchives(output, around);
  const runs = directories.map((directory) => ({ directory, ...readRuns(around.fs, bytesOf(directory)) }));
  if (prometheus !== undefined) {
    const all = runs.map(({ directory, records }) => metricsOf(directory, archives, records));
    saveMetrics(prometheus, all, around);
  }
  const facts = {
    ...{ directories, archives, next: await around.nextRun() },
    records: runs.flatMap(({ records }) => records).sort(byEnd),
    warnings: [
      ...damaged,
      ...runs.flatMap(({ directory, damaged: lines }) =>
        lines === 0 ? [] : [`damaged lines in ${directory}/.holdstill/runs.jsonl are ignored: ${lines}`],
      ),
    ],
  };
  const report = statusOf(facts, maxAgeMs, around.now());
  return directories.length > 0
    ? report
    : { ...report, outcome: "missing", directories: directoriesOf(output, around) };
}

const NOTHING = { archives: [], damaged: [] };

function existing(output: string | undefined, around: Surroundings): readonly string[] {
  try {
    return existingDirectories(output, around);
  } catch (error) {
    if (!(error instanceof HoldstillError) || error.code !== "no-archive") throw error;
    return [];
  }
}

async function goodArchives(output: string | undefined, around: Surroundings) {
  const { archives } = await listed(output, around);
  return {
    archives: archives.filter((row): row is GoodArchive => row.ok === true),
    damaged: archives.flatMap((row) => (row.ok === false ? [`${row.archive}: ${row.error.message}`] : [])),
  };
}

/** What `list` says of what it cannot even look into is no answer to who asks for freshness. */
async function listed(output: string | undefined, around: Surroundings): Promise<ListReport> {
  try {
    return await list(output, around);
  } catch (error) {
    if (!(error instanceof HoldstillError) || error.code !== "no-archive") throw error;
    return { outcome: "failed", error: failureOf(error), archives: [] };
  }
}

function byEnd(a: RunRecord, b: RunRecord): number {
  return Date.parse(a.endedAt) - Date.parse(b.endedAt);
}
