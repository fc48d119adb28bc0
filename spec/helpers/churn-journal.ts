import fs from "node:fs";

/** A change on disk, seen from outside: it happened somewhere between two readings of the clock. */
export interface Moment {
  /** Milliseconds of the epoch, with fractions: before the system call began. */
  readonly before: number;
  /** The same clock after it returned. */
  readonly after: number;
}

/** What was true of a file from one change to the next, or still is. */
export interface Span {
  readonly from: Moment;
  readonly until?: Moment;
}

export interface Name extends Span {
  /** Relative to the directory that the writer fills. */
  readonly path: string;
}

/** The bytes of a file after one write or truncation, or as far as a single write may have come in between. */
export interface State extends Span {
  readonly length: number;
  readonly sha256: string;
  /** Digest of the bytes up to and with the last newline, where others follow it. */
  readonly cut?: string;
}

/** One file or directory, whatever it was called: an inode, not a name. */
export interface Identity {
  readonly id: string;
  readonly type: "file" | "directory";
  /** In order, without a gap: a rename ends one and begins the next in the same moment. */
  readonly names: readonly Name[];
  /** In order; those within one write call share its moment. A directory has none. */
  readonly states: readonly State[];
}

export interface Journal {
  readonly seed: number;
  readonly operations: number;
  readonly identities: readonly Identity[];
}

/** JSON lines: one for the run, one for each identity. */
export function writeJournal(file: string, { identities, ...run }: Journal): void {
  const fd = fs.openSync(file, "w");
  for (const record of [run, ...identities]) fs.writeSync(fd, `${JSON.stringify(record)}\n`);
  fs.closeSync(fd);
}

export function readJournal(file: string): Journal {
  const [run = "", ...identities] = fs.readFileSync(file, "utf8").trimEnd().split("\n");
  return {
    ...(JSON.parse(run) as Omit<Journal, "identities">),
    identities: identities.map((line) => JSON.parse(line) as Identity),
  };
}
