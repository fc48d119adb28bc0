import type { ResticReport } from "./restic-report.js";
import { durationText, numberText, sizeText } from "./size.js";
import { stageProblemLines } from "./stage-text.js";
import { contentText, frozenText, vanishedLines } from "./text.js";

/** What `create --to restic:…` did, line by line. */
export function resticLines(report: ResticReport): string[] {
  const { destination, snapshot, counts, restic, timings, complete } = report;
  const stored = `${numberText(restic.filesNew)} new, ${numberText(restic.filesChanged)} changed, ${numberText(restic.filesUnmodified)} unmodified`;
  return [
    `Stored snapshot ${snapshot} in ${destination}${complete ? "" : ", which is incomplete."}`,
    `${contentText(counts)}; restic found ${stored}, and added ${sizeText(restic.bytesAdded)}.`,
    `${frozenText(report)}, settled in ${durationText(timings.settleMs)}, stored in ${durationText(timings.commandMs)}.`,
    ...stageProblemLines(report),
    ...vanishedLines(report),
  ];
}
