import type { Ended } from "../guard/command.js";
import type { Probed } from "../guard/probe.js";

/** How the old state was put back, or why not. */
export interface GuardReturn {
  readonly ok: boolean;
  readonly id: string;
  readonly places: readonly {
    readonly path: string;
    /** Where what was live is now; absent where nothing was. */
    readonly failed?: string;
    /** Whether it was renamed as a whole, or its contents were. */
    readonly how: "rename" | "contents";
  }[];
  /** What could not be carried over from what was live, in words. */
  readonly left: readonly string[];
  readonly why?: string;
  /** What is to be done about it; or what removes what was moved aside. */
  readonly next: string;
}

/** What `guard` did: the document that `guard --json` prints. Times are in milliseconds. */
export interface GuardReport {
  readonly outcome: "succeeded" | "rolled-back" | "rollback-failed" | "not-rolled-back";
  readonly id: string;
  readonly archive: string;
  /** Where the command has removed the archive. */
  readonly isGone?: true;
  /** The program's version before the command. */
  readonly version?: string;
  readonly command: { readonly argv: readonly string[] } & Partial<Ended>;
  readonly probe?: Probed;
  /** Why the command counts as failed. */
  readonly failure?: string;
  readonly rollback?: GuardReturn;
  readonly warnings: readonly string[];
}

/** What `rollback` would do: the document of `--dry-run`. */
export interface RollbackPlan {
  readonly outcome: "planned";
  readonly archive: string;
  readonly createdAt: string;
  readonly places: readonly {
    readonly path: string;
    /** Where what is live would be kept. */
    readonly failed: string;
    readonly how: "rename" | "contents";
  }[];
  /** What is put back, and how much it is. */
  readonly files: number;
  readonly bytes: number;
  /** How many things are not in the archive, and are taken over from what is live. */
  readonly carried: number;
}

/** What `rollback` did. */
export type RollbackReport =
  | RollbackPlan
  | {
      readonly outcome: "rolled-back" | "rollback-failed";
      readonly archive: string;
      readonly rollback: GuardReturn;
    };
