import { chmodSync, constants, copyFileSync, fstatSync, lstatSync, readSync, rmSync } from "node:fs";
import type { Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import { fileOf, native, openOnly } from "./database-place.js";

const COPIED = ["", "-wal", "-journal"] as const;
const WATCHED = [...COPIED, "-shm"] as const;

/** How a database and its sidecars look, in one string: equal strings, and nobody has touched any of them. */
export interface Look {
  readonly state: string;
  /** The files that there are, by suffix: see `fileOf`. */
  readonly present: ReadonlyMap<string, string>;
  /** The suffixes under which something lies that is no file: SQLite must not be led to it, and keeps nothing there. */
  readonly odd: readonly string[];
  /** The latest change of anything that would be copied, in ns of the epoch. */
  readonly changedNs: bigint;
  /** Whether the filesystem keeps whole seconds only, as far as these files can tell. */
  readonly coarse: boolean;
}

/**
 * Fails with ENOENT if the database itself is gone, and where a log or journal is a symbolic link: what a program that
 * follows it may have committed is not to be had.
 */
export function lookAt(path: Bytes): Look {
  const present = new Map<string, string>();
  const odd: string[] = [];
  const states: string[] = [];
  let changedNs = 0n;
  let coarse = true;
  for (const suffix of WATCHED) {
    const file = native(`${path}${suffix}` as Bytes);
    const stat = lstatSync(file, { bigint: true, throwIfNoEntry: suffix === "" });
    if (stat?.isSymbolicLink() && suffix !== "-shm") throw new Error(`its ${suffix} is a symbolic link: not followed`);
    if (!stat) continue;
    if (!stat.isFile()) {
      odd.push(suffix);
      continue;
    }
    present.set(suffix, fileOf(stat));
    if (suffix === "-shm") {
      states.push(suffix);
      continue;
    }
    states.push(`${suffix} ${fileOf(stat)} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`);
    if (stat.ctimeNs > changedNs) changedNs = stat.ctimeNs;
    coarse &&= stat.ctimeNs % 1_000_000_000n === 0n;
  }
  return { state: states.join("|"), present, odd, changedNs, coarse };
}

/** Since when nothing may have changed for equal stamps to prove it: they tick at about 4 ms, on some disks at 1 s. */
const QUIET_NS = 50_000_000n;
const QUIET_COARSE_NS = 2_000_000_000n;

/**
 * Copies a database with its log or journal as bytes, if nothing moves meanwhile: what a crash at that moment would
 * have left, which SQLite recovers. Undefined if something moved. Fails with Node's errors, ENOENT if it is gone.
 */
export function copyAtRest(from: Bytes, to: Bytes): Look | undefined {
  const before = lookAt(from);
  const quiet = before.coarse ? QUIET_COARSE_NS : QUIET_NS;
  if (BigInt(Date.now()) * 1_000_000n - before.changedNs < quiet) return undefined;
  discard(to);
  let copied = false;
  try {
    const isThere = COPIED.every((suffix) => {
      const file = before.present.get(suffix);
      return file === undefined || copyOnly(file, `${from}${suffix}` as Bytes, `${to}${suffix}` as Bytes);
    });
    const after = lookAt(from);
    copied = isThere && after.state === before.state;
    return copied ? after : undefined;
  } catch (error) {
    // A sidecar that goes, or gives way to something else, is movement; anything else that is missing is the stage.
    if (!isErrno(error, "ENOENT", "ELOOP", "ENXIO") || lookAt(from).state === before.state) throw error;
    return undefined;
  } finally {
    if (!copied) discard(to);
  }
}

/** Copies what is at `from` if it still is that file. */
function copyOnly(file: string, from: Bytes, to: Bytes): boolean {
  return openOnly(from, (fd, opened) => {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile() || fileOf(stat) !== file) return false;
    copyFile(opened, to);
    return true;
  });
}

/** Clones where the disk can. The copy is ours, whatever the mode of the original. */
export function copyFile(from: Bytes, to: Bytes): void {
  copyFileSync(native(from), native(to), constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  chmodSync(native(to), 0o600);
}

/** Removes a copy and what SQLite may have made beside it. */
export function discard(copy: Bytes): void {
  for (const suffix of WATCHED) rmSync(native(`${copy}${suffix}` as Bytes), { force: true });
}

/** Whether the header says that the database is in WAL mode. Opens and closes the file: never while it is pinned. */
export function saysWal(path: Bytes): boolean {
  return openOnly(path, (fd) => {
    const header = Buffer.alloc(20);
    return readSync(fd, header, 0, 20, 0) === 20 && header[18] === 2 && header[19] === 2;
  });
}
