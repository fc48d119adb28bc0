import type { Method, SkipReason, Verdict } from "../stage/entry.js";
import type { Counts } from "./counts.js";
import type { Failure } from "./failure.js";
import type { PruneReport } from "./prune-report.js";

export interface SkippedPath {
  /** Below its source; for names that are not UTF-8 with U+FFFD, and exactly in `pathBase64`. */
  readonly path: string;
  readonly pathBase64?: string;
  readonly source: number;
  readonly reason: Exclude<SkipReason, "excluded">;
  readonly detail?: string;
}

export interface RuleCount {
  readonly rule: string;
  readonly count: number;
}

export interface UnstablePath {
  readonly path: string;
  readonly source: number;
  /** Where it is not for lack of quiet. */
  readonly reason?: string;
}

/** What `create` did: the document that `create --json` prints. Times are in milliseconds, sizes in bytes. */
export interface CreateReport {
  readonly outcome: "published";
  readonly archive: string;
  readonly profile: "openclaw" | "directory";
  readonly id: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly verified: boolean;
  readonly encrypted?: true;
  /** Whether everything is in it that had to be: false makes the exit code 3. */
  readonly complete: boolean;
  readonly sources: readonly { readonly path: string; readonly stage: string; readonly method: Method }[];
  readonly frozen: {
    readonly from: string;
    readonly to: string;
    readonly ms: number;
    /** Between the first and the last moment that a database shows. */
    readonly databaseSkewMs?: number;
  };
  readonly counts: Counts;
  readonly capture: Readonly<Record<Method, number>>;
  readonly verdicts: Readonly<Record<Verdict, number>>;
  /** Half lines that were left off at the end of files that were being written. */
  readonly cut: { readonly files: number; readonly bytes: number };
  readonly settlePasses: number;
  /** Whether the last pass found nothing on the move. */
  readonly settled: boolean;
  readonly skipped: readonly SkippedPath[];
  readonly unstable: readonly UnstablePath[];
  readonly excluded: { readonly count: number; readonly rules: readonly RuleCount[] };
  readonly upstream: { readonly verifiable: boolean; readonly reasons: readonly string[] };
  readonly compression: "zstd" | "gzip" | "none";
  readonly warnings: readonly string[];
  /** Where it was carried, where that was asked for. */
  readonly delivered?: Delivered;
  /** What became of older archives, where that was asked for: of those there, if it was carried somewhere. */
  readonly pruned?: Pruned;
  readonly timings: {
    readonly freezeMs: number;
    readonly archiveMs: number;
    readonly verifyMs: number;
    readonly totalMs: number;
  };
}

/** Where an archive was carried, and what became of it here. */
export interface Delivered {
  /** `rclone:REMOTE:PATH`, without secrets. */
  readonly to: string;
  /** By what the upload was compared: a digest that the remote reports, or all bytes, read back. */
  readonly compared: "sha256" | "sha1" | "md5" | "reading back";
  /** Archives of earlier runs that were uploaded too. */
  readonly resumed: readonly string[];
  /** Archives that are there, and were removed here. */
  readonly removedLocal: readonly string[];
}

export type Pruned =
  | PruneReport
  | { readonly outcome: "skipped"; readonly reason: string }
  | { readonly outcome: "failed"; readonly error: Failure };

export interface PlannedSource {
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
  /** How many things each rule leaves out of it. */
  readonly excluded: readonly RuleCount[];
}

/** What `create --dry-run` found. */
export interface CreatePlan {
  readonly outcome: "planned";
  readonly archive: string;
  readonly compression: "zstd" | "gzip" | "none";
  readonly sources: readonly PlannedSource[];
  readonly counts: { readonly files: number; readonly directories: number; readonly bytes: number };
  readonly excluded: CreateReport["excluded"];
  /** What could not be resolved, in words. */
  readonly problems: readonly string[];
}
