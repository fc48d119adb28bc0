import type { Failure } from "./failure.js";

/** What is known of one archive; `null` stands for what nobody can know. Sizes in bytes, times in milliseconds. */
export interface GoodArchive {
  readonly archive: string;
  readonly name: string;
  readonly ok: true;
  /** Whether holdstill made it. */
  readonly holdstill: boolean;
  /** Then its sources are not told. */
  readonly encrypted?: true;
  readonly id: string;
  readonly tool: string;
  readonly createdAt: string;
  readonly ageMs: number;
  readonly host: string;
  readonly profile: string;
  readonly label?: string;
  readonly sources: readonly string[];
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly hardlinks: number;
  readonly databases: number;
  /** Of all files in it. */
  readonly bytes: number;
  /** Of the archive itself, like the digest. */
  readonly archiveBytes: number;
  readonly sha256: string;
  /** Whether it was read back whole and every digest compared, when it was made or since. */
  readonly verified: boolean | null;
  /** Whether everything is in it that had to be. */
  readonly complete: boolean | null;
  /** The contrary. */
  readonly incomplete: boolean | null;
  /** What vanished, was special or could not be read. */
  readonly skipped: number | null;
  readonly excluded: number | null;
  readonly unstable: number | null;
}

export interface BadArchive {
  readonly archive: string;
  readonly name: string;
  readonly ok: false;
  readonly archiveBytes: number;
  readonly error: Failure;
}

/**
 * One whose summary is missing and that was not read: it is encrypted, and no key was given, or it is kept elsewhere.
 * What its name and its file tell.
 */
export interface UnreadArchive {
  readonly archive: string;
  readonly name: string;
  readonly ok: null;
  readonly encrypted: boolean;
  readonly createdAt: string;
  readonly ageMs: number;
  readonly label?: string;
  readonly archiveBytes: number;
}

export type ListedArchive = GoodArchive | BadArchive | UnreadArchive;

/** A snapshot of restic, by its tags: what it takes of the repository, nobody can know. */
export interface ListedSnapshot extends Pick<
  GoodArchive,
  | "archive"
  | "name"
  | "ok"
  | "id"
  | "createdAt"
  | "ageMs"
  | "host"
  | "profile"
  | "label"
  | "sources"
  | "files"
  | "bytes"
> {
  readonly snapshot: string;
  readonly complete: boolean;
  readonly incomplete: boolean;
}

/** What `list` found: the document that `list --json` prints, the newest archive last. */
export type ListReport<Row = ListedArchive> =
  | { readonly outcome: "listed"; readonly archives: readonly Row[] }
  | { readonly outcome: "failed"; readonly error: Failure; readonly archives: readonly Row[] };
