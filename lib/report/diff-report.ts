export const CHANGES = ["added", "removed", "changed", "grown", "metadata", "uncompared", "unreadable"] as const;

/**
 * How a path differs. `grown`: what was there is the beginning of what is there now. `metadata`: the same bytes, but
 * another mode, owner or link target. `uncompared`: a live database, whose bytes are never those of SQLite's copy.
 */
export type Change = (typeof CHANGES)[number];

/** One side of a difference. */
export interface DiffSide {
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size?: number;
  /** Not of a live file: it is read only as far as is needed. */
  readonly sha256?: string;
  readonly target?: string;
}

export interface Difference {
  readonly change: Change;
  /** Below the source, if that is the only one, else absolute. */
  readonly path: string;
  readonly from?: DiffSide;
  readonly to?: DiffSide;
  /** Why it is not on the one side, where the index of that side tells. */
  readonly reason?: string;
}

/** What `diff` found, but for the differences themselves. */
export interface DiffReport {
  readonly outcome: "compared";
  readonly from: string;
  readonly to: string;
  /** Whether there is no difference in what could be compared. */
  readonly equal: boolean;
  readonly counts: Readonly<Record<Change | "equal", number>>;
}
