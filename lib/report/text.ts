import type { CreatePlan, CreateReport, SkippedPath } from "./create-report.js";
import { countText, durationText, numberText, sizeText } from "./size.js";

/** Paths of one kind that are named before the rest is only counted. */
const NAMED = 10;
/** Rules that are named in the report of a run; the plan names all. */
const RULES = 3;

const SESSION = /^agents\/[^/]+\/sessions\/./;

type Excluded = CreateReport["excluded"];

/** What `create` did, line by line. Names are as they were found: whoever prints the lines makes them harmless. */
export function createLines(report: CreateReport): string[] {
  return [
    report.complete ? `Wrote ${report.archive}` : `Wrote ${report.archive}, which is incomplete.`,
    contentLine(report),
    captureLine(report),
    verifiedLine(report),
    ...deliveredLines(report),
    ...excludedLines(report.excluded, RULES),
    ...verdictLines(report),
    ...upstreamLines(report),
    ...problemLines(report),
    ...listed(
      specialOf(report),
      (n) => `${countText(n, "socket, FIFO or device is", "sockets, FIFOs or devices are")} not archived:`,
    ),
    ...vanishedLines(report),
  ];
}

/** What keeps an archive from being complete: what `--quiet` still tells. */
export function problemLines(
  report: Pick<CreateReport, "skipped" | "unstable" | "settled" | "settlePasses">,
): string[] {
  const unreadable = report.skipped.filter((skip) => skip.reason === "unreadable").map(skipText);
  const unstable = report.unstable.filter(({ reason }) => reason === undefined).map(({ path }) => path);
  const asBytes = report.unstable.flatMap(({ path, reason }) => (reason === undefined ? [] : [`${path} (${reason})`]));
  return [
    ...listed(unreadable, (n) => `Could not read ${countText(n, "path")}:`),
    ...listed(
      unstable,
      (n) => `${countText(n, "file was", "files were")} being rewritten without a pause; the last reading is archived:`,
    ),
    ...listed(
      asBytes,
      (n) => `${countText(n, "database")} could not be copied by SQLite; the bytes of the file are archived:`,
    ),
    ...(report.settled
      ? []
      : [
          `The tree was still moving after ${countText(report.settlePasses, "pass", "passes")}: ` +
            "a file that was renamed meanwhile may be missing.",
        ]),
  ];
}

/** `Skipped 3 session files removed by concurrent cleanup.`, and the same for files of other kinds. */
export function vanishedLines(report: Pick<CreateReport, "skipped">): string[] {
  const vanished = report.skipped.filter((skip) => skip.reason === "vanished");
  const sessions = vanished.filter((skip) => SESSION.test(skip.path)).length;
  const others = vanished.length - sessions;
  return [
    ...(others > 0 ? [`Skipped ${countText(others, "file")} removed by concurrent cleanup.`] : []),
    ...(sessions > 0 ? [`Skipped ${countText(sessions, "session file")} removed by concurrent cleanup.`] : []),
  ];
}

/** What `create --dry-run` found, line by line. */
export function planLines(plan: CreatePlan): string[] {
  const { files, directories, bytes } = plan.counts;
  return [
    `Would write ${plan.archive} (${plan.compression === "none" ? "not compressed" : plan.compression})`,
    ...plan.sources.map((source) => `  ${source.path}: ${countText(source.files, "file")}, ${sizeText(source.bytes)}`),
    `In all ${countText(files, "file")} and ${countText(directories, "directory", "directories")}, ${sizeText(bytes)}.`,
    ...excludedLines(plan.excluded, Infinity),
  ];
}

function contentLine({ bytes, counts, encrypted }: CreateReport): string {
  return `${sizeText(bytes)}${encrypted ? ", encrypted" : ""}, from ${contentText(counts)}.`;
}

/** `89 MiB in 5,530 files, 11 directories` */
export function contentText(counts: CreateReport["counts"]): string {
  const others = [
    some(counts.directories, "directory", "directories"),
    some(counts.symlinks, "symbolic link"),
    some(counts.hardlinks, "hard link"),
    some(counts.databases, "database"),
  ];
  const content = [countText(counts.files, "file"), ...others.filter((text) => text !== undefined)].join(", ");
  return `${sizeText(counts.bytes)} in ${content}`;
}

function captureLine({ frozen, capture, timings }: CreateReport): string {
  return `${frozenText({ frozen, capture })}, archived in ${durationText(timings.archiveMs)}.`;
}

/** `Frozen in 240 ms (3,001 linked)` */
export function frozenText({ frozen, capture }: Pick<CreateReport, "frozen" | "capture">): string {
  const methods = [
    capture.clone > 0 ? `${numberText(capture.clone)} cloned` : undefined,
    capture.link > 0 ? `${numberText(capture.link)} linked` : undefined,
    capture.copy > 0 ? `${numberText(capture.copy)} copied` : undefined,
    capture.database > 0 ? `${countText(capture.database, "database")} by SQLite's backup` : undefined,
  ].filter((text) => text !== undefined);
  const how = methods.length > 0 ? ` (${methods.join(", ")})` : "";
  return `Frozen in ${durationText(frozen.ms)}${how}`;
}

function verifiedLine({ verified, timings }: CreateReport): string {
  return verified
    ? `Verified in ${durationText(timings.verifyMs)}: every entry was read back and compared.`
    : "Not verified (--no-verify).";
}

function deliveredLines({ delivered }: CreateReport): string[] {
  if (delivered === undefined) return [];
  const { to, compared, resumed, removedLocal } = delivered;
  const how =
    compared === "reading back" ? "and read back from there" : `and compared by the ${compared} that it reports`;
  return [
    `Uploaded to ${to}, ${how}.`,
    ...listed(resumed, (n) => `Uploaded ${countText(n, "archive")} of earlier runs too:`),
    ...listed(removedLocal, (n) => `Removed ${countText(n, "archive")} here that ${n === 1 ? "is" : "are"} there:`),
  ];
}

/** A database's log and index are in its copy: to tell that they are left out would only frighten. */
const SIDECARS = "sqlite:sidecar";

function excludedLines({ rules }: Excluded, most: number): string[] {
  const ranked = rules.filter(({ rule, count }) => count > 0 && rule !== SIDECARS).sort((a, b) => b.count - a.count);
  const count = ranked.reduce((sum, rule) => sum + rule.count, 0);
  if (count === 0) return [];
  const named = ranked.slice(0, most).map((rule) => `${rule.rule} (${numberText(rule.count)})`);
  const more = ranked.length - named.length;
  const rest = more > 0 ? `, and by ${countText(more, "more rule")}` : "";
  return [`Excluded ${countText(count, "path")}${named.length > 0 ? `: ${named.join(", ")}` : ""}${rest}.`];
}

function verdictLines({ verdicts, cut }: CreateReport): string[] {
  const { prefix, recaptured } = verdicts;
  return [
    ...(cut.files > 0
      ? [`${countText(cut.files, "file")} ended in half a line: ${sizeText(cut.bytes)} left off.`]
      : []),
    ...(prefix > 0
      ? [`${countText(prefix, "file")} grew after the freeze: archived as at the freeze, without what came later.`]
      : []),
    ...(recaptured > 0
      ? [`${countText(recaptured, "file")} changed after the freeze: archived whole, as of a later moment.`]
      : []),
  ];
}

function upstreamLines({ profile, upstream }: CreateReport): string[] {
  if (profile !== "openclaw" || upstream.verifiable) return [];
  return listed(upstream.reasons, () => "`openclaw backup verify` will not take this archive:");
}

function specialOf(report: CreateReport): string[] {
  return report.skipped.filter((skip) => skip.reason === "special").map(skipText);
}

function skipText({ path, detail }: SkippedPath): string {
  return detail === undefined ? path : `${path} (${detail})`;
}

export function listed(items: readonly string[], head: (count: number) => string): string[] {
  if (items.length === 0) return [];
  const named = items.slice(0, NAMED).map((item) => `  ${item}`);
  const more = items.length - named.length;
  return [head(items.length), ...named, ...(more > 0 ? [`  and ${numberText(more)} more; --json names all`] : [])];
}

function some(count: number, singular: string, plural?: string): string | undefined {
  return count > 0 ? countText(count, singular, plural) : undefined;
}
