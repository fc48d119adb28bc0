import type { Bytes } from "../bytes.js";
import { BROKEN, isErrno } from "../errors.js";
import type { Kind, Stat } from "../filesystem.js";
import { capture, type Captured, type CapturedFile } from "./capture.js";
import { copiedBefore } from "./copied.js";
import type { PinOutcome } from "./database.js";
import { isDatabase, type KnownDatabase } from "./databases.js";
import type { FrozenFile } from "./entry.js";
import { lose, note, noteFailure, skip } from "./note.js";
import type { Tree } from "./tree.js";

/** A name that changes its kind between every two looks is let go after so many. */
const LOOKS = 3;

/** The rule by which the index tells why a database's log, index and journal are not in the archive. */
export const SIDECAR_RULE = "sqlite:sidecar";

/** What else is known of a file whose bytes are captured. */
export type Kept = Pick<FrozenFile, "verdict" | "reason">;

/** What there is of a name that was taken: what is yet to be done with it takes time. */
export type Taken =
  | { readonly status: "noted" }
  | { readonly status: "directory" }
  | { readonly status: "captured"; readonly path: Bytes; readonly captured: CapturedFile; readonly kept: Kept }
  | TakenOpen
  | TakenDatabase;

/** Open, to be copied; whoever has it closes it. */
export interface TakenOpen {
  readonly status: "open";
  readonly path: Bytes;
  readonly fd: number;
  readonly stat: Stat;
  readonly kept: Kept;
}

export interface TakenDatabase {
  readonly status: "database";
  readonly path: Bytes;
  readonly from: Bytes;
  readonly stat: Stat;
  /** Undefined where it is another than the one that was pinned under this name. */
  readonly known: KnownDatabase | undefined;
}

const NOTED: Taken = { status: "noted" };

/**
 * Gets hold of what a name in a listing stands for, at once and without waiting for anything: it may not be there for
 * long. A file is linked or cloned, or opened to be copied.
 */
export function take(tree: Tree, path: Bytes, from: Bytes, listed: Kind): Taken {
  for (let [looks, kind] = [0, listed]; looks <= LOOKS; looks++, kind = "unknown") {
    const taken = takeAs(tree, path, from, kind === "unknown" ? look(tree, path, from) : kind);
    if (taken !== "other") return taken;
  }
  lose(tree, path);
  return NOTED;
}

function takeAs(tree: Tree, path: Bytes, from: Bytes, kind: Kind | undefined): Taken | "other" {
  const rule = kind && tree.selection.ofName(path, kind);
  if (rule !== undefined) {
    skip(tree, path, "excluded", rule);
    return NOTED;
  }
  switch (kind) {
    case "directory":
      return { status: "directory" };
    case "symlink":
      takeSymlink(tree, path, from);
      return NOTED;
    case "special":
      skip(tree, path, "special");
      return NOTED;
    case "file":
      return takeFile(tree, path, from);
    default:
      return NOTED;
  }
}

/** What a name stands for now; undefined where it is gone or out of reach, which is noted. */
function look(tree: Tree, path: Bytes, from: Bytes): Kind | undefined {
  try {
    return tree.fs.lstat(from).kind;
  } catch (error) {
    noteFailure(tree, path, error);
    return undefined;
  }
}

function takeSymlink(tree: Tree, path: Bytes, from: Bytes): void {
  try {
    const target = tree.fs.readlink(from);
    const { mode, uid, gid, mtimeNs } = tree.fs.lstat(from);
    note(tree, path, { type: "symlink", source: tree.source, path, mode, uid, gid, mtimeNs, target });
  } catch (error) {
    // EINVAL: it was a link when it was listed, and is none now.
    if (isErrno(error, "EINVAL")) lose(tree, path);
    else noteFailure(tree, path, error);
  }
}

function takeFile(tree: Tree, path: Bytes, from: Bytes): Taken | "other" {
  const absolute = tree.pathOf(path);
  if (tree.databases.isSidecar(absolute)) {
    skip(tree, path, "excluded", SIDECAR_RULE);
    return NOTED;
  }
  const known = tree.databases.known(absolute);
  return known ? takeKnown(tree, path, from, known) : takeBytes(tree, path, from);
}

/** A name that stood for a database when they were pinned. */
function takeKnown(tree: Tree, path: Bytes, from: Bytes, known: KnownDatabase): Taken | "other" {
  let stat: Stat;
  try {
    stat = tree.fs.lstat(from);
  } catch (error) {
    noteFailure(tree, path, error);
    return NOTED;
  }
  if (stat.kind !== "file") return "other";
  const same = stat.ino === known.ino && stat.dev === known.dev;
  if (!same && !isDatabase(tree.fs, from, stat.size)) return takeBytes(tree, path, from);
  const kept = same ? asBytes(known.outcome) : undefined;
  return kept
    ? takeBytes(tree, path, from, kept)
    : { status: "database", path, from, stat, known: same ? known : undefined };
}

/** What is to be known of a database that is kept as the bytes it has; undefined of one that need not be. */
export function asBytes(outcome: PinOutcome): Kept | undefined {
  return outcome.status === "not-a-database" || outcome.status === "unreadable"
    ? { verdict: "unstable", reason: outcome.reason }
    : undefined;
}

/** Takes the bytes of what is at `from`, whatever they are. */
export function takeBytes(tree: Tree, path: Bytes, from: Bytes, kept: Kept = {}): Taken | "other" {
  const { fs, stage, method, now } = tree;
  const captured: Captured =
    (method === "copy" ? copiedAt(tree, from) : undefined) ?? capture(fs, stage, method, from, now);
  switch (captured.status) {
    case "captured":
      return { status: "captured", path, captured, kept };
    case "copy":
      return { status: "open", path, fd: captured.fd, stat: captured.stat, kept };
    case "skipped":
      if (captured.reason === "vanished") lose(tree, path);
      else skip(tree, path, captured.reason, captured.detail);
      return NOTED;
    case "other":
      return "other";
  }
}

function copiedAt(tree: Tree, from: Bytes): CapturedFile | undefined {
  if (tree.copied.size === 0) return undefined;
  try {
    return copiedBefore(tree, tree.fs.lstat(from));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ESTALE", "ENOTDIR", "EACCES", "EPERM", ...BROKEN)) return undefined;
    throw error;
  }
}
