import { setTimeout } from "node:timers/promises";
import { bytesOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno, isNoSpace } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { look, place, remove, write, type Mark } from "./mark.js";
import { describeOwner, isDead, startTimeOf, type Owner } from "./owner.js";

export interface Lock {
  /** Gives the lock back, if it is still ours. A second call does nothing. */
  readonly release: () => void;
}

export interface LockOptions {
  /** How long to wait for another holder, in milliseconds; 0 fails at once. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** Milliseconds of the epoch. */
  readonly now: () => number;
}

const POLL_MS = 250;
const HEARTBEAT_MS = 60_000;
/** After this long a lock without a readable owner is what a crash left, not what somebody is writing. */
const NAMELESS_MS = 60_000;
/** Claims (`lock.<id of the dead>`) and owners' own files before they are linked (`lock.<own id>.new`). */
const LEFTOVER = /^lock\.(?:[0-9a-f]{16}|nameless-\d+)(\.new)?$/;

interface Site {
  readonly fs: Filesystem;
  readonly state: Bytes;
  readonly lock: Bytes;
  readonly me: Owner;
  readonly now: () => number;
}

/** Held by a living process, or changed hands while we looked: then it is worth another look at once. */
type Outcome =
  { readonly status: "taken" } | { readonly status: "held"; readonly by: Mark } | { readonly status: "moved" };

/**
 * Takes the exclusive lock of an archive directory: the file `.holdstill/lock`, which names its owner and is
 * touched every minute. A lock whose owner is dead is taken over.
 *
 * Between processes of one host the lock is exact. Against other hosts it is a lease: a holder that stood still for
 * an hour has lost it. So has, on a filesystem without hard links, one that stood still for a minute while it wrote
 * its name.
 *
 * Fails with `locked`, `output-unusable`, `no-space`, or the signal's reason.
 */
export async function lock(fs: Filesystem, directory: Bytes, me: Owner, options: LockOptions): Promise<Lock> {
  const { signal, now } = options;
  const state = under(directory, bytesOf(".holdstill"));
  const site: Site = { fs, state, lock: under(state, bytesOf("lock")), me, now };
  const deadline = performance.now() + options.waitMs;

  signal.throwIfAborted();
  explained(site, () => makeState(site));
  for (;;) {
    const outcome = explained(site, () => attempt(site));
    if (outcome.status === "taken") return explained(site, () => hold(site));
    const left = deadline - performance.now();
    if (outcome.status === "held" && left <= 0) throw locked(site, outcome.by);
    await pause(outcome.status === "held" ? Math.min(left, POLL_MS) : 0, signal);
  }
}

/** Who holds the lock of a directory, in words; undefined where nobody does who is not known to be dead. */
export function holderOf(fs: Filesystem, directory: Bytes, me: Owner, now: () => number): string | undefined {
  try {
    const mark = look(fs, under(directory, bytesOf(".holdstill/lock")));
    return mark === undefined || isGone({ me, now }, mark) ? undefined : named(mark);
  } catch (error) {
    if (!isErrno(error, "ENOTDIR")) throw error;
    return undefined;
  }
}

function attempt(site: Site): Outcome {
  const { fs, state, lock, me } = site;
  const mine = under(state, bytesOf(`lock.${me.id}.new`));
  write(fs, mine, me);
  try {
    if (place(fs, mine, lock, me)) return { status: "taken" };
    const holder = look(fs, lock);
    return holder === undefined ? { status: "moved" } : succeed(site, mine, [holder]);
  } catch (error) {
    if (isErrno(error, "ENOENT") && look(fs, mine) === undefined) return { status: "moved" };
    throw error;
  } finally {
    remove(fs, mine);
  }
}

/**
 * Takes the place of the last in a line of dead: the holder of the lock, who claimed to succeed it, who claimed to
 * succeed that one, and so on. Only who holds the claim `lock.<id>` may change what the dead owner of that id left,
 * and a claim, like the lock, is only ever made where there is none. So two who find the same dead cannot both win.
 * The line must still stand once the claim is made, or the claim came too late. Its last claim is read first and the
 * lock last: as long as the lock has not changed hands, no claim of a dead process goes away.
 */
function succeed(site: Site, mine: Bytes, line: readonly [Mark, ...Mark[]]): Outcome {
  const { fs, state, lock, me } = site;
  const last = line.at(-1) ?? line[0];
  const stands = () => line.toReversed().every((mark) => look(fs, mark.path)?.id === mark.id);

  if (!isGone(site, last)) return stands() ? { status: "held", by: last } : { status: "moved" };

  const claim = under(state, bytesOf(`lock.${last.id}`));
  if (!place(fs, mine, claim, me)) {
    const claimant = look(fs, claim);
    if (claimant === undefined) return { status: "moved" };
    // Only who copied such files by hand can close the line to a circle.
    if (line.some((mark) => mark.id === claimant.id)) return { status: "held", by: claimant };
    return succeed(site, mine, [...line, claimant]);
  }
  try {
    if (!stands()) return { status: "moved" };
    fs.rename(mine, lock);
    return { status: "taken" };
  } finally {
    remove(fs, claim);
  }
}

function hold(site: Site): Lock {
  const { fs, lock, me, now } = site;
  const isOurs = () => look(fs, lock)?.id === me.id;

  const heartbeat = setInterval(() => {
    try {
      if (isOurs()) fs.utimes(lock, now() / 1000, now() / 1000);
    } catch {
      // One missed heartbeat of sixty: not worth a run, and thrown from a timer it would end one.
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();

  let released = false;
  const release = () => {
    if (released) return;
    released = true;
    clearInterval(heartbeat);
    if (isOurs()) remove(fs, lock);
  };

  try {
    sweep(site);
  } catch (error) {
    release();
    throw error;
  }
  return { release };
}

/**
 * Removes what dead processes left. Only for who holds the lock: see `succeed`. A file without a name in it that was
 * not linked yet may be somebody's who lives: who misses it tries again.
 */
function sweep({ fs, state, ...site }: Site): void {
  for (const { name } of fs.list(state)) {
    const [isLeftover, isNew] = LEFTOVER.exec(name) ?? [];
    if (isLeftover === undefined) continue;
    const path = under(state, name);
    try {
      const mark = look(fs, path);
      if (mark === undefined) continue;
      if (isGone(site, mark) || (isNew !== undefined && mark.owner === undefined)) remove(fs, path);
    } catch (error) {
      // Another user's leftover is that user's to remove.
      if (!isErrno(error, "EACCES", "EPERM")) throw error;
    }
  }
}

function isGone({ me, now }: Pick<Site, "me" | "now">, { owner, touchedMs }: Mark): boolean {
  if (owner === undefined) return now() - touchedMs > NAMELESS_MS;
  return isDead(owner, me, touchedMs, now(), startTimeOf);
}

function makeState({ fs, state }: Site): void {
  try {
    fs.mkdir(state, 0o700);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

function named({ owner }: Mark): string {
  return owner === undefined ? "a process that has not written its name" : describeOwner(owner);
}

function locked({ lock }: Site, mark: Mark): HoldstillError {
  return new HoldstillError("locked", `the archive directory is in use by ${named(mark)}`, {
    path: textOf(lock),
    hint: `Wait for it with --wait; if that process is gone for certain, remove ${textOf(mark.path)}.`,
  });
}

function explained<T>({ state }: Site, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const path = textOf(state);
    if (isNoSpace(error)) {
      const hint = "Free some space there, or choose another archive directory.";
      throw new HoldstillError("no-space", "no space to lock the archive directory", { path, hint, cause: error });
    }
    if (isErrno(error, "EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOENT", "EIO")) {
      const hint = "The archive directory must be a directory that you can write to.";
      throw new HoldstillError("output-unusable", `cannot lock the archive directory: ${error.message}`, {
        path,
        hint,
        cause: error,
      });
    }
    throw error;
  }
}
