import type { Bytes } from "../bytes.js";

/**
 * How far a guarded command is:
 *
 *     preparing ─► running ─► passed
 *                     ▼
 *                  failed ─► exchanging ─► exchanged ─► returned
 *
 * `preparing`: the snapshot is taken. `running`: the command, or its probe. `passed`: what was kept for going back is to
 * be removed; then there is no journal any more. `failed`: the old state is to be put beside, and nothing was moved yet.
 * `exchanged`: it is back, and the program is to be brought back and started. A `rollback` begins with `failed`.
 */
export type Phase = "preparing" | "running" | "passed" | "failed" | "exchanging" | "exchanged" | "returned";

/** A directory or file that goes back as a whole. */
export interface Place {
  /** Which source of the archive, and what of it: `.`, or the mount point in it that this is. */
  readonly source: number;
  readonly within: Bytes;
  readonly live: Bytes;
  readonly type: "directory" | "file";
  /**
   * By two renames of itself; or, where it cannot be renamed (a mount point, a parent that cannot be written), its
   * contents name by name.
   */
  readonly how: "rename" | "contents";
  /** What is put back, until it is there: a restore point, or restored when it is needed. */
  readonly fresh: Bytes;
  /** Where what was live goes. */
  readonly failed: Bytes;
  /** Mount points in it, relative to it: they stay where they are. */
  readonly pinned: readonly Bytes[];
  /** Paths in it that stay as they are though the archive has them. */
  readonly omitted: readonly Bytes[];
  /** Whether `fresh` is a restore point, made before the command ran. */
  readonly prepared: boolean;
}

/**
 * One rename, which can be told from its ends to be done or not, so that it can be repeated after a crash. What is moved
 * aside or carried over need not be there; what is put in must be, or be in its place already.
 */
export type Move =
  | { readonly kind: "aside" | "carry"; readonly from: Bytes; readonly to: Bytes }
  | {
      readonly kind: "in";
      readonly from: Bytes;
      readonly to: Bytes;
      /** Where what has come up at `to` meanwhile goes, under a name like this one. */
      readonly aside: Bytes;
    };

/** A symbolic link by which a source is reached, with what it points to. */
export interface Link {
  readonly path: Bytes;
  readonly target: Bytes;
}

/** A mount that something of the state lies in. */
export interface Mounted {
  readonly point: Bytes;
  /** `major:minor` of the filesystem. */
  readonly device: string;
  /** What lies in it. */
  readonly path: Bytes;
}

/** Command lines for the shell. */
export interface Actions {
  readonly stop: string | undefined;
  readonly start: string | undefined;
  readonly probe: string | undefined;
  readonly rollback: string | undefined;
}

/** What is to be done, and how far it is done: enough for another process to go on. */
export interface Journal {
  readonly id: string;
  readonly kind: "guard" | "rollback";
  readonly phase: Phase;
  /** The archive; empty until there is one. */
  readonly archive: string;
  readonly profile: string;
  /** By which the processes of the command are known. */
  readonly mark: string;
  /** The command as it was given; empty for a rollback. */
  readonly command: readonly string[];
  /** The program's version before, where it is known. */
  readonly version: string | undefined;
  readonly actions: Actions;
  /** Whether the rollback command is holdstill's own proposal: it is run only where the version is another one by then. */
  readonly rollbackIsProposed: boolean;
  readonly probeMs: number;
  readonly probeEveryMs: number;
  readonly graceMs: number;
  readonly includeWorkspace: boolean;
  /** The sources: what the command has to itself. */
  readonly roots: readonly Bytes[];
  readonly links: readonly Link[];
  readonly places: readonly Place[];
  readonly mounts: readonly Mounted[];
  /** Known from `exchanging` on. */
  readonly moves: readonly Move[];
}

export type Next = "abandon" | "judge" | "finish" | "put beside" | "exchange" | "bring back" | "nothing";

/** Each with what is to be done then. */
export const PHASES: Readonly<Record<Phase, Next>> = {
  preparing: "abandon",
  running: "judge",
  passed: "finish",
  failed: "put beside",
  exchanging: "exchange",
  exchanged: "bring back",
  returned: "nothing",
};

/** What is to be done next. */
export function nextOf({ phase }: Pick<Journal, "phase">): Next {
  return PHASES[phase];
}

/** Whether somebody has to go on with it before anything else is guarded. */
export function isUnfinished(journal: Pick<Journal, "phase">): boolean {
  return nextOf(journal) !== "nothing";
}
