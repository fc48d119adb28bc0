import type { ListedArchive, ListedSnapshot } from "./list-report.js";
import { numberText, sizeText } from "./size.js";
import { tableLines } from "./table.js";

const HEAD = ["name", "age", "label", "files", "bytes", "archive", "verified", "skipped", "incomplete"];
const RIGHT = new Set([1, 3, 4, 5, 7]);

/** The table that `list` prints. */
export function listLines(archives: readonly (ListedArchive | ListedSnapshot)[]): string[] {
  return archives.length === 0 ? [] : tableLines([HEAD, ...archives.map(cellsOf)], RIGHT);
}

function cellsOf(row: ListedArchive | ListedSnapshot): string[] {
  if ("snapshot" in row) {
    const { name, ageMs, label = "", files, bytes, complete } = row;
    return [name, ageText(ageMs), label, numberText(files), sizeText(bytes), "", "", "", wordOf(!complete)];
  }
  if (row.ok === null) {
    return [
      row.name,
      ageText(row.ageMs),
      row.label ?? "",
      "",
      "",
      sizeText(row.archiveBytes),
      row.encrypted ? "encrypted" : "unknown",
    ];
  }
  if (!row.ok) return [row.name, "", "", "", "", sizeText(row.archiveBytes), "bad"];
  const { name, ageMs, label = "", files, bytes, archiveBytes, verified, skipped, complete } = row;
  return [
    ...[name, ageText(ageMs), label, numberText(files), sizeText(bytes), sizeText(archiveBytes)],
    ...[
      wordOf(verified),
      skipped === null ? "unknown" : numberText(skipped),
      wordOf(complete === null ? null : !complete),
    ],
  ];
}

function wordOf(known: boolean | null): string {
  return known === null ? "unknown" : known ? "yes" : "no";
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
] as const;

/** How long ago, in the largest unit that fits twice: `45 s`, `90 min`, `36 h`, `12 d`. */
export function ageText(ms: number): string {
  const [unit, size] = UNITS.find(([, length]) => ms >= 2 * length) ?? ["s", 1000];
  return `${Math.floor(ms / size)} ${unit}`;
}
