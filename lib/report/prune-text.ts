import type { CreateReport } from "./create-report.js";
import { failureLines } from "./failure.js";
import type { PruneGroup, PruneReport } from "./prune-report.js";
import { countText, numberText, sizeText } from "./size.js";

/** Files that are not ours that are named before the rest is only counted. */
const NAMED = 10;

interface Row {
  readonly archive: string;
  readonly what: string;
  readonly size: string;
  readonly why: string;
}

/** What `prune` did, or would do: a table of all archives, and what it comes to. */
export function pruneLines(report: PruneReport): string[] {
  const tables = report.groups.flatMap((group, index) => {
    const heading = report.groups.length > 1 ? [groupLine(group)] : [];
    return [...heading, ...tableOf(rowsOf(report, index))];
  });
  return [...tables, ...notOursLines(report), closingLine(report)];
}

/** What a person has to see to: what `--quiet` still tells. */
export function pruneProblemLines({ failed, damaged }: PruneReport): string[] {
  return [
    ...damaged.map(({ path, reason }) => `holdstill: warning: damaged, and kept: ${path} (${reason})`),
    ...(damaged.length > 0 ? ["Look at it with holdstill verify, and remove it by hand."] : []),
    ...failed.flatMap(({ path, error }) => failureLines({ path, ...error })),
  ];
}

/** The same for a run that made a new archive before. */
export function prunedLines(pruned: CreateReport["pruned"]): string[] {
  if (pruned?.outcome === "skipped") return [`No archive was removed: ${pruned.reason}.`];
  return pruned === undefined || pruned.outcome === "failed" ? [] : [closingLine(pruned)];
}

export function prunedProblemLines(pruned: CreateReport["pruned"]): string[] {
  if (pruned === undefined || pruned.outcome === "skipped") return [];
  if (pruned.outcome !== "failed") return pruneProblemLines(pruned);
  return [
    "holdstill: warning: the archive is published, but old ones could not be removed:",
    ...failureLines(pruned.error),
  ];
}

function groupLine({ profile, host, sources }: PruneGroup): string {
  return `${sources.join(", ")} (${profile}) on ${host}:`;
}

function rowsOf({ kept, removed, outcome }: PruneReport, group: number): Row[] {
  const [stays, goes] = outcome === "planned" ? ["keep", "remove"] : ["kept", "removed"];
  const rows = [
    ...kept.map((archive) => ({ ...archive, what: stays, why: archive.reasons })),
    ...removed.map((archive) => ({ ...archive, what: goes, why: [] })),
  ];
  return rows
    .filter((row) => row.group === group)
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
    .map(({ archive, what, bytes, why }) => ({
      archive,
      what,
      size: bytes === null ? "" : sizeText(bytes),
      why: why.join(", "),
    }));
}

function tableOf(rows: readonly Row[]): string[] {
  const width = (of: (row: Row) => string): number => Math.max(0, ...rows.map((row) => of(row).length));
  const [what, archive, size] = [width((row) => row.what), width((row) => row.archive), width((row) => row.size)];
  return rows.map((row) =>
    [row.what.padEnd(what), row.archive.padEnd(archive), row.size.padStart(size), row.why].join("  ").trimEnd(),
  );
}

function notOursLines({ notOurs }: PruneReport): string[] {
  if (notOurs.length === 0) return [];
  const named = notOurs.slice(0, NAMED).map(({ path, reason }) => `  ${path} (${reason})`);
  const more = notOurs.length - named.length;
  return [
    "Not ours, and left alone:",
    ...named,
    ...(more > 0 ? [`  and ${numberText(more)} more; --json names all`] : []),
  ];
}

function closingLine({ outcome, kept, removed, freedBytes }: PruneReport): string {
  const planned = outcome === "planned";
  const stays = `${countText(kept.length, "archive")} ${planned ? "would stay" : kept.length === 1 ? "stays" : "stay"}`;
  if (removed.length === 0) return `Nothing ${planned ? "would be" : "was"} removed; ${stays}.`;
  const gone = `${countText(removed.length, "archive")}${freedBytes === null ? "" : `, ${sizeText(freedBytes)}`}`;
  return `${planned ? "Would remove" : "Removed"} ${gone}; ${stays}.`;
}
