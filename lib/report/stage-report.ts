import type { CreateReport } from "./create-report.js";

/** What is in a tree that a command saw, and how it came there. Times are in milliseconds, sizes in bytes. */
export interface StagedReport extends Pick<
  CreateReport,
  | "profile"
  | "id"
  | "complete"
  | "sources"
  | "frozen"
  | "counts"
  | "capture"
  | "verdicts"
  | "cut"
  | "settlePasses"
  | "settled"
  | "skipped"
  | "unstable"
  | "excluded"
  | "warnings"
> {
  /** The tree, or trees where sources are on several mounts. They are gone by now. */
  readonly trees: readonly string[];
  /** Files that were written to while they were read: nobody knows which bytes were seen of them. */
  readonly changed: readonly { readonly path: string; readonly source: number }[];
  readonly timings: {
    readonly freezeMs: number;
    readonly settleMs: number;
    readonly commandMs: number;
    readonly totalMs: number;
  };
}

/** What `stage` did: the document that `stage --json` prints. */
export interface StageReport extends StagedReport {
  readonly outcome: "ran";
  /** How the command ended: by itself with a code, or by a signal. */
  readonly command: { readonly exitCode: number } | { readonly signal: string };
}
