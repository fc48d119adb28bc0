import { durationText } from "./size.js";
import type { StagedReport, StageReport } from "./stage-report.js";
import { contentText, frozenText, listed, problemLines, vanishedLines } from "./text.js";

/** What `stage` did, line by line. */
export function stageLines(report: StageReport): string[] {
  const { counts, timings } = report;
  return [
    `Staged ${contentText(counts)}.`,
    `${frozenText(report)}, settled in ${durationText(timings.settleMs)}.`,
    `The command ${endText(report)} after ${durationText(timings.commandMs)}.`,
    ...stageProblemLines(report),
    ...vanishedLines(report),
  ];
}

/** What keeps a staged tree from being complete: what `--quiet` still tells. */
export function stageProblemLines(report: StagedReport): string[] {
  const changed = report.changed.map(({ path }) => path);
  return [
    ...problemLines(report),
    ...listed(changed, (n) => `${n === 1 ? "1 file" : `${n} files`} changed while the command may have read it:`),
  ];
}

function endText({ command }: StageReport): string {
  return "signal" in command ? `was ended by ${command.signal}` : `exited with ${command.exitCode}`;
}
