import type { LockedReport, VerifyReport } from "../verify.js";
import type { Counts } from "./counts.js";
import { countText, sizeText } from "./size.js";
import type { CheckReport, SnapshotReport } from "./snapshot-report.js";

/** What came of verifying something that is good. */
export type Verified = VerifyReport | LockedReport | SnapshotReport | CheckReport;

/** What `verify` found in one archive, line by line. */
export function verifyLines(report: Verified): string[] {
  if ("readData" in report) return [verifyLine(report)];
  if ("locked" in report) return [verifyLine(report), ...report.unchecked.map((what) => `Not checked: ${what}`)];
  return [
    `${report.archive}: good`,
    "snapshot" in report
      ? `It holds ${sizeText(report.bytes)} in ${contentText(report)}.`
      : `${sizeText(report.archiveBytes)}, holding ${sizeText(report.bytes)} in ${contentText(report)}.`,
    ...report.damaged.map(
      ({ path, problems }) => `Damaged since before its capture: the database ${path}: ${problems}`,
    ),
    ...report.unchecked.map((what) => `Not checked: ${what}`),
  ];
}

/** The same in one line, for one of many. */
export function verifyLine(report: Verified): string {
  if ("readData" in report) return `${report.archive}: good, by restic check; ${report.readData} of its data was read`;
  if ("locked" in report)
    return `${report.archive}: unchanged since it was written, ${sizeText(report.archiveBytes)}, encrypted`;
  const unchecked = report.unchecked.length > 0 ? "; some of it could not be checked" : "";
  const damaged =
    report.damaged.length > 0
      ? `; ${countText(report.damaged.length, "database")} damaged since before its capture`
      : "";
  return `${report.archive}: good, ${countText(report.files, "file")}, ${sizeText(report.bytes)}${damaged}${unchecked}`;
}

function contentText({ files, directories, symlinks, hardlinks, databases }: Counts): string {
  return [
    countText(files, "file"),
    ...(directories > 0 ? [countText(directories, "directory", "directories")] : []),
    ...(symlinks > 0 ? [countText(symlinks, "symbolic link")] : []),
    ...(hardlinks > 0 ? [countText(hardlinks, "hard link")] : []),
    ...(databases > 0 ? [countText(databases, "database")] : []),
  ].join(", ");
}
