import type { Bytes } from "../bytes.js";

/** How the bytes of a file came into the stage. */
export type Method = "clone" | "link" | "copy" | "database";

/** What the guard found when it read a file (see DESIGN, "Why a hard link needs a guard"). */
export type Verdict = "exact" | "prefix" | "recaptured" | "unstable";

export type SkipReason = "vanished" | "excluded" | "special" | "unreadable";

interface Named {
  /** Which source: its index in the list of sources. */
  readonly source: number;
  /** Below the source's root, `.` for the root itself. */
  readonly path: Bytes;
}

interface Owned extends Named {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
}

/** First and last bytes of a file at its freeze, by which growth is told from rewriting. */
export interface Fingerprint {
  readonly head: Buffer;
  readonly tail: Buffer;
}

export interface FrozenFile extends Owned {
  readonly type: "file";
  readonly size: number;
  readonly method: Method;
  /** Where its bytes are: an absolute path inside a stage. */
  readonly staged: Bytes;
  /** When it was taken, in milliseconds of the epoch. */
  readonly at: number;
  readonly dev: number;
  readonly ino: number;
  /** What a copy found while it read; links find out when they are archived, clones need not. */
  readonly verdict?: Verdict | undefined;
  readonly fingerprint?: Fingerprint;
  /** Another of its names, where that one tells how it is written and its first does not. */
  readonly alias?: Bytes;
  /** Why its bytes are not to be trusted. */
  readonly reason?: string | undefined;
  readonly database?: DatabaseProof;
}

/** What is known of a database's copy; times in milliseconds. */
export interface DatabaseProof {
  readonly pinnedAt: string;
  readonly journalMode: string;
  readonly pageCount: number;
  readonly userVersion: number;
  /** For how long its writer was kept waiting. */
  readonly blockedMs: number;
  /** What `integrity_check` said of the copy, or why it could not. */
  readonly integrity: "ok" | { readonly unchecked: string } | { readonly problems: string };
  /** Where `foreign_key_check` finds rows that refer to rows that are not there. */
  readonly foreignKeys?: "violated";
}

export interface FrozenDirectory extends Owned {
  readonly type: "directory";
}

export interface FrozenSymlink extends Owned {
  readonly type: "symlink";
  readonly target: Bytes;
}

/** A second name of a file that is in the archive under its first. */
export interface FrozenHardlink extends Owned {
  readonly type: "hardlink";
  readonly target: FrozenFile;
}

export interface Skipped extends Named {
  readonly type: "skip";
  readonly reason: SkipReason;
  /** What exactly: the exclude rule, the kind of special file, or why it could not be read. */
  readonly detail?: string;
}

export type FrozenEntry = FrozenFile | FrozenDirectory | FrozenSymlink | FrozenHardlink | Skipped;
