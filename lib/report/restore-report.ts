/** Something that was left out or is not as it is in the archive. */
export interface RestoreProblem {
  /** Below the target; for names that are not UTF-8 with U+FFFD, and exactly in `pathBase64`. */
  readonly path: string;
  readonly pathBase64?: string;
  readonly reason: string;
}

/** What `restore` did, or would do: the document that `restore --json` prints. Sizes are in bytes, times in ms. */
export interface RestoreReport {
  readonly outcome: "restored" | "planned";
  readonly archive: string;
  /** Absolute, links in it resolved. */
  readonly target: string;
  /** Of the backup; only for archives made by holdstill. */
  readonly id?: string;
  readonly createdAt?: string;
  /** Whether all that was asked for is in the target as it is in the archive: false makes the exit code 3. */
  readonly complete: boolean;
  readonly counts: {
    readonly files: number;
    readonly directories: number;
    readonly symlinks: number;
    readonly hardlinks: number;
    readonly bytes: number;
  };
  /** Where each source was of which something is restored, and where that is now. */
  readonly roots: readonly { readonly kind: string; readonly source: string; readonly restored: string }[];
  /** Sockets, FIFOs and the like, which are in the archive and are never made. */
  readonly skipped: readonly RestoreProblem[];
  readonly failed: readonly RestoreProblem[];
  /** Files whose setuid or setgid was taken away, and entries that belong to who restored them. */
  readonly withheld: { readonly setuid: number; readonly owners: number };
  /** Leases and pending deliveries that were taken out of databases: rows by table. Absent where none were looked for. */
  readonly dropped?: { readonly databases: number; readonly rows: Readonly<Record<string, number>> };
  /** Symbolic links that lead out of the target, which are as they were. */
  readonly outwardLinks: number;
  /** What of the archive could not be checked: sentences. */
  readonly unchecked: readonly string[];
  /** What to do now, line by line. */
  readonly nextSteps: readonly string[];
  readonly timings: { readonly totalMs: number };
}
