import { failureLines, type Failure } from "./failure.js";
import { printable } from "./printable.js";
import type { Ended, Outcome, PublishedRun, RunRecord } from "./run-record.js";
import { countText, durationText, sizeText } from "./size.js";
import { problemLines } from "./text.js";

const TITLES: Readonly<Record<Outcome, string>> = {
  success: "Backup complete",
  incomplete: "Backup incomplete",
  failure: "Backup failed",
};

/** `Backup failed on vm` */
export function titleOf(outcome: Outcome, host: string): string {
  return `${TITLES[outcome]} on ${host}`;
}

/** A run in one line. */
export function runLine(record: RunRecord): string {
  if (record.outcome === "failure") return errorLine(record.error);
  const { bytes, files, skipped, durationMs } = record;
  const missing = skipped.vanished + skipped.special + skipped.unreadable;
  const size = "archive" in record ? sizeText(bytes) : `${sizeText(bytes)} new`;
  const what = `${size} with ${countText(files, "file")}`;
  return printable(`${keptText(record)}: ${what}, ${missing} skipped, in ${durationText(durationMs)}`);
}

/** An archive by its name, or a snapshot with where it is. */
export function keptText(record: PublishedRun): string {
  if ("archive" in record) return record.archive;
  return `snapshot ${record.snapshot.slice(0, SHORT)} in ${record.destination}`;
}

/** So much of an id tells snapshots apart, for people. */
const SHORT = 8;

/** `no space is left for the archive: /backup` */
export function errorLine({ message, path }: Pick<Failure, "message" | "path">): string {
  const [line = ""] = failureLines({ code: "internal", message, ...(path !== undefined && { path }) });
  return printable(line.replace(/^holdstill: /, ""));
}

/** What a person wants to read of a run that has ended, and then its record for programs. */
export function runText(ended: Ended, record: RunRecord, warnings: readonly string[]): string {
  const lines =
    ended.outcome === "failure" ? failureLines(ended.failure) : [runLine(record), ...problemLines(ended.report)];
  const warned = warnings.map((warning) => `holdstill: warning: ${warning}`);
  return [...warned, ...lines, JSON.stringify(record)].map((line) => `${printable(line)}\n`).join("");
}
