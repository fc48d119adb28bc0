import { bytesOf, parentOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno, isOfDisk } from "../errors.js";
import type { Filesystem, Listed } from "../filesystem.js";
import { AREA_PREFIX } from "../stage/selection.js";
import { holderOf } from "../vault/lock.js";
import { thisProcess } from "../vault/owner.js";
import { claimedBy, claimsOf, readClaim, type Claim } from "./claim-file.js";
import { journals } from "./journal-file.js";
import { isUnfinished, nextOf } from "./journal.js";
import { isWithin } from "./mounts.js";
import { resumeCommand, statusCommand, type Work } from "./work.js";

type Around = Pick<Work, "fs" | "now">;

/** A claim that may be in the way of a state. */
interface Neighbour {
  readonly root: Bytes;
  /** What is claimed: the state, a part of it, or a directory in which it lies. */
  readonly claimed: Bytes;
  /** The directory that claims it. */
  readonly directory: Bytes;
}

/** What a command has claimed itself. */
interface Own {
  readonly claim: Claim;
  readonly directories: ReadonlySet<Bytes>;
}

/**
 * Refuses a state that another command has, or of which it has a part, or that lies in one: states are exchanged as a
 * whole. Only for who has claimed the state: of two that begin at once each claims first and then looks, so that at
 * least one of them sees the other.
 * @throws HoldstillError `locked`; `output-unusable` for a claim that cannot be read
 */
export function assertAlone({ fs, now }: Around, root: Bytes, { claim, directories }: Own): void {
  for (const neighbour of neighbours(fs, root)) {
    if (directories.has(neighbour.directory)) continue;
    if (holder({ fs, now }, neighbour) !== undefined) throw underWay({ fs, now }, neighbour);
    assertNotPending(fs, neighbour, claim);
  }
}

/**
 * Refuses a state that is claimed for a command which has to be resumed first. One that was cut off before it has run
 * anything has changed nothing, and is in nobody's way.
 */
export function assertNotPending(fs: Filesystem, { root, claimed, directory }: Neighbour, own: Claim): void {
  const claim = readClaim(fs, directory);
  if (claim === undefined || (claim.id === own.id && claim.archives === own.archives) || !isPending(fs, claim)) return;
  const { id, archives } = claim;
  throw new HoldstillError("locked", `the guarded command of ${id} has ${relation(root, claimed)} and was cut off`, {
    ...{ path: textOf(claimed), hint: `First: ${resumeCommand({ archives: bytesOf(archives) })}` },
  });
}

/** The refusal of a state that a command has which is at work. */
export function underWay(around: Around, { root, claimed, directory }: Neighbour): HoldstillError {
  const claim = readClaim(around.fs, directory);
  const what = claim === undefined ? "another guarded command" : `the guarded command of ${claim.id}`;
  const who = holder(around, { directory });
  const far = claim && `; how far it is: ${statusCommand({ archives: bytesOf(claim.archives) })}`;
  return new HoldstillError("locked", `${what} is under way, and has ${relation(root, claimed)}`, {
    ...{ path: textOf(claimed), hint: `Wait until ${who ?? "it"} is done${far ?? "."}` },
  });
}

/** What this user is refused may be another's. */
export function unclaimable(directory: Bytes, cause: HoldstillError | NodeJS.ErrnoException): HoldstillError {
  const code = cause instanceof HoldstillError ? cause.code : "output-unusable";
  if (code === "no-space") {
    return new HoldstillError(code, "no space is left to claim the state for a guarded command", {
      ...{ path: textOf(directory), cause, hint: "Free some space there." },
    });
  }
  return new HoldstillError(code, "the state cannot be claimed for a guarded command", {
    ...{ path: textOf(directory), cause },
    hint: "It may be another user's: then that user's command is under way, or was cut off and has to be resumed first.",
  });
}

function holder({ fs, now }: Around, { directory }: Pick<Neighbour, "directory">): string | undefined {
  try {
    return holderOf(fs, directory, thisProcess(), now);
  } catch (error) {
    if (!isErrno(error, "EACCES", "EPERM")) throw error;
    throw unclaimable(directory, error);
  }
}

function relation(root: Bytes, claimed: Bytes): string {
  if (root === claimed) return "this state";
  return isWithin(claimed, root) ? "a part of this state" : "a directory in which this state lies";
}

function isPending(fs: Filesystem, { archives, id }: Claim): boolean {
  const journal = journals(fs, bytesOf(archives)).find((each) => each.id === id);
  return journal !== undefined && isUnfinished(journal) && nextOf(journal) !== "abandon";
}

/** Wherever it, what it lies in and what lies in it may be claimed. */
function neighbours(fs: Filesystem, root: Bytes): Neighbour[] {
  const found: Neighbour[] = [];
  for (let claimed = root; claimed !== ""; claimed = parentOf(claimed)) {
    found.push(...claimsOf(claimed).map((directory) => ({ root, claimed, directory })));
  }
  for (const directory of claimsBelow(fs, root)) {
    found.push({ root, claimed: claimedBy(directory) ?? directory, directory });
  }
  return found;
}

/** What cannot be listed is for the backup to name. */
function claimsBelow(fs: Filesystem, root: Bytes): Bytes[] {
  const found: Bytes[] = [];
  const waiting = [root];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const { name, kind } of listed(fs, at)) {
      if (kind !== "directory") continue;
      const path = under(at, name);
      if (!name.startsWith(AREA_PREFIX)) waiting.push(path);
      else if (claimedBy(path) !== undefined) found.push(path);
    }
  }
  return found;
}

function listed(fs: Filesystem, path: Bytes): Listed[] {
  try {
    return fs.list(path);
  } catch (error) {
    if (!isOfDisk(error)) throw error;
    return [];
  }
}
