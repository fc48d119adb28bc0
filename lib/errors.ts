/** What can go wrong, by its stable name. The exit code of each is in `cli/exit-code.ts`. */
export type ErrorCode =
  | "usage"
  | "source-missing"
  | "output-exists"
  | "output-unusable"
  | "bad-configuration"
  | "bad-archive"
  | "verify-failed"
  | "incomplete"
  | "no-archive"
  | "no-entry"
  | "locked"
  | "hook-failed"
  | "wrong-key"
  | "no-space"
  | "io"
  | "internal"
  | "interrupted"
  | "terminated";

/** One of several things that are wrong; lines and columns count from 1. */
export interface Problem {
  readonly path?: string;
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

export interface ErrorDetails {
  /** The file or directory it is about, as a person would write it. */
  readonly path?: string | undefined;
  /** What to do about it: one sentence. */
  readonly hint?: string | undefined;
  /** Everything that is wrong, where that is more than the message says. */
  readonly problems?: readonly Problem[] | undefined;
  readonly cause?: unknown;
}

/** The one error that holdstill throws on purpose. Anything else that escapes is a defect. */
export class HoldstillError extends Error {
  override readonly name = "HoldstillError";
  readonly code: ErrorCode;
  readonly path: string | undefined;
  readonly hint: string | undefined;
  readonly problems: readonly Problem[] | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.path = details.path;
    this.hint = details.hint;
    this.problems = details.problems;
  }
}

/** Whether an error is one of the operating system's, by name: `isErrno(error, "ENOENT", "ENOTDIR")`. */
export function isErrno(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

/**
 * What a disk answers of a file that it cannot read: it fails, what it has is damaged (ext4 and XFS say so of checksums),
 * or there is nothing to be read, as of some files of sysfs.
 */
export const BROKEN = ["EIO", "EBADMSG", "EUCLEAN", "EINVAL", "ENODATA"] as const;

/** Whether an error comes from outside, and is no defect: the disk's, or one of ours that says what it means. */
export function isOfDisk(error: unknown): boolean {
  return error instanceof HoldstillError || (error instanceof Error && "syscall" in error);
}

/** Whether the disk is full, or the quota of whoever owns what is being written. */
export function isNoSpace(error: unknown): boolean {
  return isErrno(error, "ENOSPC", "EDQUOT");
}
