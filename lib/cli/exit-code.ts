import type { ErrorCode } from "../errors.js";

/** What a process that failed exits with. */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  usage: 64,
  "source-missing": 66,
  "output-exists": 73,
  "output-unusable": 73,
  "bad-configuration": 78,
  "bad-archive": 4,
  "verify-failed": 4,
  incomplete: 3,
  "no-archive": 10,
  "no-entry": 10,
  locked: 11,
  "wrong-key": 12,
  "no-space": 13,
  "hook-failed": 70,
  io: 70,
  internal: 70,
  interrupted: 130,
  terminated: 143,
};

export const COMPLETE = 0;
export const INCOMPLETE = 3;
export const ROLLED_BACK = 20;
export const NOT_ROLLED_BACK = 21;

/** The table that `holdstill codes` prints; 20 and 21 are outcomes of a command and not errors. */
export const MEANINGS: readonly { readonly code: number; readonly meaning: string }[] = [
  {
    code: COMPLETE,
    meaning: "complete; files that vanished meanwhile do not count against it (--strict makes them 3)",
  },
  {
    code: INCOMPLETE,
    meaning:
      "archive published, but something was unreadable or unstable, or the tree never settled; or old archives could not be removed; or restored in part; or nothing is fresh",
  },
  { code: 4, meaning: "verification failed and nothing was published, or the archive is bad" },
  { code: 10, meaning: "no such archive, or no such path in it" },
  { code: 11, meaning: "another run holds the archive directory" },
  { code: 12, meaning: "wrong or missing key" },
  { code: 13, meaning: "no space left; nothing was published" },
  { code: ROLLED_BACK, meaning: "the command failed and the state was rolled back" },
  { code: NOT_ROLLED_BACK, meaning: "the command failed and the state was not rolled back, or not all the way" },
  { code: 64, meaning: "wrong usage" },
  { code: 66, meaning: "a source is missing" },
  { code: 70, meaning: "internal error, or the run ended unfinished, or the hook before it failed" },
  { code: 73, meaning: "the output cannot be created, or exists" },
  { code: 78, meaning: "bad configuration" },
  { code: 130, meaning: "interrupted; stage and partial archive are removed" },
  { code: 143, meaning: "terminated; stage and partial archive are removed" },
];
