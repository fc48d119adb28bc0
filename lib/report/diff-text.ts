import type { Difference, DiffReport, DiffSide } from "./diff-report.js";
import { countText, numberText, sizeText } from "./size.js";

/** A difference in one line: `grown       logs/x.log  (+1.2 KiB)`. */
export function differenceText({ change, path, from, to, reason }: Difference): string {
  const details = [...detailsOf(change, from, to), ...(reason === undefined ? [] : [reason])];
  return `${change.padEnd(10)}  ${path}${details.length > 0 ? `  (${details.join(", ")})` : ""}`;
}

function detailsOf(change: Difference["change"], from: DiffSide | undefined, to: DiffSide | undefined): string[] {
  if (!from || !to) return [];
  if (change === "grown") return [`+${sizeText((to.size ?? 0) - (from.size ?? 0))}`];
  if (change === "changed" && from.type !== to.type) return [`${from.type} -> ${to.type}`];
  if (change !== "metadata") return [];
  return [
    ...(from.mode !== to.mode && from.type !== "symlink" ? [`mode ${octal(from.mode)} -> ${octal(to.mode)}`] : []),
    ...(from.uid !== to.uid || from.gid !== to.gid ? [`owner ${from.uid}/${from.gid} -> ${to.uid}/${to.gid}`] : []),
    ...(from.target !== to.target ? [`target ${from.target ?? ""} -> ${to.target ?? ""}`] : []),
  ];
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** What a comparison came to. */
export function diffSummary({ counts, equal }: DiffReport): string[] {
  const { added, removed, changed, grown, metadata, uncompared, unreadable } = counts;
  const found = [
    [added, "added"],
    [removed, "removed"],
    [changed, "changed"],
    [grown, "grown"],
    [metadata, "with other metadata"],
    [unreadable, "unreadable"],
  ] as const;
  const list = found.filter(([count]) => count > 0).map(([count, what]) => `${numberText(count)} ${what}`);
  return [
    equal
      ? `No difference in ${countText(counts.equal, "path")}.`
      : `${list.join(", ")}; ${numberText(counts.equal)} equal.`,
    ...(uncompared > 0
      ? [`${countText(uncompared, "database")} not compared: the archive holds SQLite's copy, whose bytes are others.`]
      : []),
  ];
}
