import { ageText } from "./list-text.js";
import { errorLine } from "./run-text.js";
import type { RunRecord } from "./run-record.js";
import { countText, durationText, numberText, sizeText } from "./size.js";
import type { Elsewhere, Skips, StatusReport, Trend } from "./status-report.js";

/** What `status` tells. */
export function statusLines(status: StatusReport): string[] {
  const { last, elsewhere, skips, lastRun, lastFailure, next } = status;
  return [
    freshnessLine(status),
    ...(last === null ? [] : [`  ${last.archive}`, `  ${sizeLine(last)}`]),
    ...(elsewhere === null ? [] : [`  ${elsewhereText(elsewhere)}`]),
    ...(skips === null ? [] : skipLines(skips)),
    ...(lastRun === null || lastRun === lastFailure ? [] : [`Last run: ${runText(lastRun)}`]),
    ...failureLines(status),
    `Next run: ${next === null ? "unknown; no timer of holdstill tells" : timeText(next)}`,
  ];
}

/** Whether there is a fresh backup, in one line. */
export function freshnessLine({ outcome, last, elsewhere, maxAgeMs, directories }: StatusReport): string {
  if (outcome === "missing") return `Nothing is fresh: there is no archive directory ${directories.join(", ")}.`;
  const ages = [last, elsewhere].flatMap((each) => each?.ageMs ?? []);
  if (ages.length === 0) return `Nothing is fresh: no archive in ${directories.join(", ")} is complete and verified.`;
  const ageMs = Math.min(...ages);
  // restic is not asked to read back what it has stored.
  const what = last?.ageMs === ageMs ? "the last complete, verified backup" : "the last complete backup";
  const age = `${what} is ${ageText(ageMs)} old`;
  if (outcome === "fresh") return `Fresh: ${age}.`;
  return `Stale: ${age}, and ${ageText(maxAgeMs)} are allowed.`;
}

function elsewhereText({ destination, name, ageMs, files, bytes }: Elsewhere): string {
  return `${name} in ${destination}: ${ageText(ageMs)} old, ${sizeText(bytes)} in ${countText(files, "file")}.`;
}

function sizeLine({ archiveBytes, bytes, files, trend }: NonNullable<StatusReport["last"]>): string {
  const size = `${sizeText(archiveBytes)}, from ${sizeText(bytes)} in ${countText(files, "file")}`;
  return trend === null ? `${size}.` : `${size}; ${trendText(trend)}.`;
}

function trendText({ archives, change }: Trend): string {
  const others = archives === 1 ? "the one before" : `the ${archives} before on average`;
  const percent = Math.round(Math.abs(change) * 100);
  if (percent === 0) return `as large as ${others}`;
  return `${numberText(percent)} % ${change > 0 ? "more" : "less"} than ${others}`;
}

/** Paths of one kind that are named before the rest is only counted. */
const NAMED = 5;

function skipLines({ counts, unreadable, share, recurring, growing }: Skips): string[] {
  const parts = [
    ...(counts.vanished > 0 ? [`${numberText(counts.vanished)} vanished`] : []),
    ...(counts.unreadable > 0 ? [`${numberText(counts.unreadable)} unreadable`] : []),
    ...(counts.special > 0 ? [`${numberText(counts.special)} special`] : []),
  ];
  if (parts.length === 0 && !growing) return ["Skipped in the last archive: nothing."];
  return [
    `Skipped in the last archive: ${parts.join(", ") || "nothing"}${share > 0.01 ? `: ${percentText(share)} of all.` : "."}`,
    ...named(unreadable.map((path) => `could not be read: ${path}`)),
    ...named(recurring.map(({ path, runs }) => `vanished in ${runs} runs: ${path}`)),
  ];
}

function percentText(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function named(lines: readonly string[]): string[] {
  const more = lines.length - NAMED;
  return [...lines.slice(0, NAMED).map((line) => `  ${line}`), ...(more > 0 ? [`  and ${numberText(more)} more`] : [])];
}

function runText(record: RunRecord): string {
  const { endedAt, outcome, exitCode, durationMs } = record;
  const how =
    outcome === "success" ? "complete" : `${outcome === "failure" ? "failed" : outcome}, exit code ${exitCode}`;
  return `${timeText(endedAt)}, ${how}, after ${durationText(durationMs)}`;
}

function failureLines({ lastFailure, lastRun }: StatusReport): string[] {
  if (lastFailure === null) return [];
  const { endedAt, exitCode, error } = lastFailure;
  const which = lastRun === lastFailure ? "The last run failed" : "Last failure";
  return [`${which}: ${timeText(endedAt)}, exit code ${exitCode}: ${errorLine(error)}`];
}

/** `2026-11-25 03:00:00 UTC` */
function timeText(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}
