import type { VerifyReport } from "../verify.js";
import { countText, sizeText } from "./size.js";

/** What `verify` found in one archive, line by line. */
export function verifyLines(report: VerifyReport): string[] {
  return [
    `${report.archive}: good`,
    `${sizeText(report.archiveBytes)}, holding ${sizeText(report.bytes)} in ${contentText(report)}.`,
    ...report.unchecked.map((what) => `Not checked: ${what}`),
  ];
}

/** The same in one line, for one of many. */
export function verifyLine(report: VerifyReport): string {
  const unchecked = report.unchecked.length > 0 ? "; some of it could not be checked" : "";
  return `${report.archive}: good, ${countText(report.files, "file")}, ${sizeText(report.bytes)}${unchecked}`;
}

function contentText({ files, directories, symlinks, hardlinks, databases }: VerifyReport): string {
  return [
    countText(files, "file"),
    ...(directories > 0 ? [countText(directories, "directory", "directories")] : []),
    ...(symlinks > 0 ? [countText(symlinks, "symbolic link")] : []),
    ...(hardlinks > 0 ? [countText(hardlinks, "hard link")] : []),
    ...(databases > 0 ? [countText(databases, "database")] : []),
  ].join(", ");
}
