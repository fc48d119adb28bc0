import { bytesOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import { statIfThere } from "../stat-if-there.js";
import type { Filesystem } from "../filesystem.js";
import { parseRecord, printRecord, type RunRecord } from "../report/run-record.js";
import { readFull } from "../stage/quiet.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { writeAll } from "../write-all.js";

/** Of so many runs there are records. */
export const KEPT = 500;
/** What is longer was not written here; of that the end is read. In bytes. */
const LONGEST = 16 << 20;
/** Nobody takes so long to shorten the file. */
const TRIMMING_MS = 60_000;

export interface Runs {
  /** The oldest first. */
  readonly records: readonly RunRecord[];
  /** Lines that could not be read. */
  readonly damaged: number;
}

function runsPath(directory: Bytes): Bytes {
  return under(directory, bytesOf(".holdstill/runs.jsonl"));
}

/**
 * The records of an archive directory: the newest 500.
 * @throws HoldstillError `no-archive` where they may not be read
 */
export function readRuns(fs: Filesystem, directory: Bytes): Runs {
  const fd = opened(() => openRecords(fs, runsPath(directory)));
  if (fd === undefined) return { records: [], damaged: 0 };
  try {
    const { lines } = linesOf(fs, fd);
    // Whoever appends while the file is shortened may do so twice.
    const records = new Map<string, RunRecord>();
    let damaged = 0;
    for (const line of lines) {
      const record = parseRecord(line);
      if (record === undefined) damaged++;
      else records.set(record.run, record);
    }
    return { records: [...records.values()].slice(-KEPT), damaged };
  } finally {
    fs.close(fd);
  }
}

/**
 * Appends a record, and shortens the file to the newest 500. Runs that do so at the same time lose no record: who has
 * appended looks whether the file has been replaced meanwhile, and who has replaced it takes over what came late.
 * @returns false where there is no archive directory yet: none is made for this
 */
export async function appendRun(fs: Filesystem, directory: Bytes, record: RunRecord, nowMs: number): Promise<boolean> {
  if (!appendRunNow(fs, directory, record)) return false;
  await trim(fs, runsPath(directory), nowMs);
  return true;
}

/** Only appends it, at once: for a process that ends. */
export function appendRunNow(fs: Filesystem, directory: Bytes, record: RunRecord): boolean {
  const path = runsPath(directory);
  const line = Buffer.from(printRecord(record));
  for (;;) {
    const fd = opened(() => fs.openAppend(path, 0o600));
    if (fd === undefined) return false;
    try {
      writeAll(fs, fd, endsInALine(fs, path) ? line : Buffer.concat([Buffer.from("\n"), line]));
      if (isStill(fs, path, fd)) return true;
    } finally {
      fs.close(fd);
    }
  }
}

/** A run that was killed may have left half a line. */
function endsInALine(fs: Filesystem, path: Bytes): boolean {
  const fd = fs.openRead(path);
  try {
    const { size } = fs.fstat(fd);
    const last = Buffer.alloc(1);
    return size === 0 || (readFull(fs, fd, last, size - 1) === 1 && last.toString() === "\n");
  } finally {
    fs.close(fd);
  }
}

function isStill(fs: Filesystem, path: Bytes, fd: number): boolean {
  const ours = fs.fstat(fd);
  const there = statIfThere(fs, path);
  return there?.ino === ours.ino && there.dev === ours.dev;
}

/** The copy is its own lock: it can be made only where there is none. */
async function trim(fs: Filesystem, path: Bytes, nowMs: number): Promise<void> {
  const old = fs.openRead(path);
  try {
    if (linesOf(fs, old).lines.length <= KEPT) return;
    const copy = `${path}.new` as Bytes;
    removeStale(fs, copy, nowMs);
    const made = opened(() => fs.create(copy, 0o600));
    if (made === undefined) return;
    fs.close(made);
    let replaced = false;
    try {
      if (isStill(fs, path, old)) await replace(fs, { path, old, copy, done: () => (replaced = true) });
    } finally {
      if (!replaced) unlinkIfThere(fs, copy);
    }
  } finally {
    fs.close(old);
  }
}

interface Replacing {
  readonly path: Bytes;
  readonly old: number;
  readonly copy: Bytes;
  readonly done: () => void;
}

async function replace(fs: Filesystem, { path, old, copy, done }: Replacing): Promise<void> {
  const fd = fs.openAppend(copy, 0o600);
  try {
    const { lines, end } = linesOf(fs, old);
    writeAll(fs, fd, Buffer.from(`${lines.slice(-KEPT).join("\n")}\n`));
    await fs.sync(fd);
    fs.rename(copy, path);
    done();
    const late = Buffer.alloc(Math.max(0, fs.fstat(old).size - end));
    writeAll(fs, fd, late.subarray(0, readFull(fs, old, late, end)));
  } finally {
    fs.close(fd);
  }
}

function removeStale(fs: Filesystem, copy: Bytes, nowMs: number): void {
  const stat = statIfThere(fs, copy);
  if (stat !== undefined && nowMs - Number(stat.mtimeNs / 1_000_000n) > TRIMMING_MS) unlinkIfThere(fs, copy);
}

function openRecords(fs: Filesystem, path: Bytes): number {
  try {
    return fs.openRead(path);
  } catch (error) {
    if (!isErrno(error, "EACCES", "EPERM")) throw error;
    throw new HoldstillError(
      "no-archive",
      `the records of the archive directory cannot be read (${String(error.code)})`,
      {
        path: textOf(path),
        hint: "Ask as the user who makes the backups, or as root.",
        cause: error,
      },
    );
  }
}

/** A descriptor; undefined where there is nothing to open, or somebody else has made it. */
function opened(open: () => number): number | undefined {
  try {
    return open();
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EEXIST")) throw error;
    return undefined;
  }
}

/** All whole lines, and where the last of them ends. */
function linesOf(fs: Filesystem, fd: number): { readonly lines: readonly string[]; readonly end: number } {
  const { size } = fs.fstat(fd);
  const start = Math.max(0, size - LONGEST);
  const data = Buffer.alloc(size - start);
  const read = data.subarray(0, readFull(fs, fd, data, start));
  const whole = read.subarray(0, read.lastIndexOf("\n") + 1);
  const lines = whole.toString("utf8").split("\n");
  return { lines: lines.filter((line) => line !== ""), end: start + whole.length };
}
