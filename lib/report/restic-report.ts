import type { ResticSummary } from "../restic/messages.js";
import type { Pruned } from "./create-report.js";
import type { StagedReport } from "./stage-report.js";

/** What `create --to restic:…` did: the document that it prints with `--json`. */
export interface ResticReport extends StagedReport {
  readonly outcome: "published";
  /** `restic:REPOSITORY`, without a password that its URL may have. */
  readonly destination: string;
  readonly snapshot: string;
  /** What restic itself counted. */
  readonly restic: Omit<ResticSummary, "snapshot">;
  /** What became of older snapshots, where that was asked for. */
  readonly pruned?: Pruned;
}
