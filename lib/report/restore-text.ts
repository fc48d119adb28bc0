import type { RestoreProblem, RestoreReport } from "./restore-report.js";
import { countText, durationText, numberText, sizeText } from "./size.js";

/** Paths of one kind that are named before the rest is only counted. */
const NAMED = 10;

/** What `restore` did, line by line. Names are as they were found: whoever prints the lines makes them harmless. */
export function restoreLines(report: RestoreReport): string[] {
  const { outcome, archive, target, counts, timings } = report;
  const content = contentText(counts);
  if (outcome === "planned")
    return [`Would restore ${content} from ${archive} into ${target}`, ...skippedLines(report)];
  return [
    `Restored ${archive} into ${target}${report.complete ? "" : ", which is incomplete."}`,
    `${content}${checkedText(report)}, in ${durationText(timings.totalMs)}.`,
    ...droppedLines(report),
    ...withheldLines(report),
    ...skippedLines(report),
    ...restoreProblemLines(report),
    ...report.unchecked.map((what) => `Not checked: ${what}`),
    ...report.nextSteps,
  ];
}

/** What keeps a restore from being complete: what `--quiet` still tells. */
export function restoreProblemLines({ failed }: RestoreReport): string[] {
  return listed(failed, (n) => `${countText(n, "path")} could not be restored as in the archive:`);
}

/** Archives by others have no digests. */
function checkedText({ unchecked }: RestoreReport): string {
  return unchecked.length > 0 ? "" : ", all of it checked while it was written";
}

function contentText({ files, directories, symlinks, hardlinks, bytes }: RestoreReport["counts"]): string {
  const others = [
    ...(directories > 0 ? [countText(directories, "directory", "directories")] : []),
    ...(symlinks > 0 ? [countText(symlinks, "symbolic link")] : []),
    ...(hardlinks > 0 ? [countText(hardlinks, "hard link")] : []),
  ];
  return `${sizeText(bytes)} in ${[countText(files, "file"), ...others].join(", ")}`;
}

function droppedLines({ dropped }: RestoreReport): string[] {
  if (dropped === undefined || dropped.databases === 0) return [];
  const rows = Object.values(dropped.rows).reduce((sum, count) => sum + count, 0);
  const tables = Object.entries(dropped.rows).map(([table, count]) => `${table} ${numberText(count)}`);
  return [
    `Took ${countText(rows, "row")} of leases and pending deliveries out of ${countText(dropped.databases, "database")} ` +
      `(${tables.join(", ")}), so that nothing is sent twice; --keep-deliveries keeps them.`,
  ];
}

function withheldLines({ withheld, outwardLinks }: RestoreReport): string[] {
  const { setuid, owners } = withheld;
  return [
    ...(setuid > 0
      ? [
          `${countText(setuid, "file or directory has", "files or directories have")} lost setuid or setgid; --keep-setuid keeps it.`,
        ]
      : []),
    ...(owners > 0
      ? [`The owners of ${countText(owners, "entry", "entries")} could not be restored: they belong to you.`]
      : []),
    ...(outwardLinks > 0
      ? [`${countText(outwardLinks, "symbolic link leads", "symbolic links lead")} out of the target, as recorded.`]
      : []),
  ];
}

function skippedLines({ skipped }: RestoreReport): string[] {
  return listed(skipped, (n) => `${countText(n, "path")} in the archive ${n === 1 ? "is" : "are"} never restored:`);
}

function listed(items: readonly RestoreProblem[], head: (count: number) => string): string[] {
  if (items.length === 0) return [];
  const named = items.slice(0, NAMED).map(({ path, reason }) => `  ${path} (${reason})`);
  const more = items.length - named.length;
  return [head(items.length), ...named, ...(more > 0 ? [`  and ${numberText(more)} more; --json names all`] : [])];
}
