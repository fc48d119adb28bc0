import { textOf } from "./bytes.js";
import { stagedSources, windowOf } from "./describe.js";
import { elapsedMs } from "./elapsed.js";
import type { StagedReport } from "./report/stage-report.js";
import type { FrozenFile } from "./stage/entry.js";
import type { Staged } from "./staged.js";

/** What is to be told of a staged tree after it was used; times are in milliseconds of the epoch. */
export function stagedReport(
  { prepared, stages, frozen, totals, trees, settledMs, ...staged }: Staged,
  changed: readonly FrozenFile[],
  { usedMs, nowMs }: { readonly usedMs: number; readonly nowMs: number },
): StagedReport {
  const { left: _, damaged, ...sums } = totals;
  const { plan, id, createdMs } = prepared;
  return {
    ...{ profile: plan.profile, id, complete: staged.complete && changed.length === 0, trees },
    ...{ frozen: windowOf(frozen), ...sums, settlePasses: frozen.passes, settled: frozen.settled },
    changed: changed.map(({ path, source }) => ({ path: textOf(path), source })),
    sources: stagedSources(plan, stages, frozen),
    warnings: [...plan.problems, ...damaged],
    timings: {
      freezeMs: elapsedMs(frozen.from, frozen.to),
      settleMs: elapsedMs(frozen.to, settledMs),
      commandMs: elapsedMs(settledMs, usedMs),
      totalMs: elapsedMs(createdMs, nowMs),
    },
  };
}
