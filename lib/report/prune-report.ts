import type { Failure } from "./failure.js";

/** Archives that the policy is applied to together: of the same profile and sources, on the same host. */
export interface PruneGroup {
  readonly profile: string;
  readonly host: string;
  readonly sources: readonly string[];
}

export interface PrunedArchive {
  readonly archive: string;
  readonly createdAt: string;
  readonly label?: string;
  /** `null` of a snapshot, which shares its bytes with others. */
  readonly bytes: number | null;
  /** Which group it belongs to: its place in the list of them. */
  readonly group: number;
}

/**
 * What `prune` did, or would do: the document that `prune --json` prints. Of each group the oldest archive is first.
 */
export interface PruneReport {
  readonly outcome: "pruned" | "planned";
  /** Or what they are kept in elsewhere: `restic:REPOSITORY`, `rclone:REMOTE:PATH`. */
  readonly directories: readonly string[];
  readonly groups: readonly PruneGroup[];
  readonly kept: readonly (PrunedArchive & { readonly reasons: readonly string[] })[];
  readonly removed: readonly PrunedArchive[];
  /** What was to be removed and could not be. */
  readonly failed: readonly { readonly path: string; readonly error: Failure }[];
  /** Kept, since a person has to decide. */
  readonly damaged: readonly { readonly path: string; readonly reason: string }[];
  readonly notOurs: readonly { readonly path: string; readonly reason: string }[];
  /** Of all archives that were removed; `null` where that cannot be told. */
  readonly freedBytes: number | null;
}
