import { bytesOf, nameOf, parentOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { AREA_PREFIX } from "../stage/selection.js";
import { tidy } from "../tidy.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { lock, type Lock } from "../vault/lock.js";
import { makeDirectory } from "../vault/output.js";
import { thisProcess } from "../vault/owner.js";
import { removeEmpty } from "./containers.js";
import { journals, writeSynced } from "./journal-file.js";
import { isUnfinished, type Journal } from "./journal.js";
import { isParentWritable } from "./places.js";
import { readProc } from "./proc.js";
import { resumeCommand, type Work } from "./work.js";

/** Which journal a state belongs to. */
interface Claim {
  readonly archives: string;
  readonly id: string;
}

interface Held {
  readonly directory: Bytes;
  readonly lock: Lock;
  readonly claim: Claim;
}

/** Claims the states that a journal is about. */
export type TakeStates = (journal: Pick<Journal, "id" | "roots">) => Promise<void>;

/**
 * Lets `use` claim states, so that no two commands have the same, whatever their archive directories. A claim lasts until
 * its journal is finished, also where the process does not.
 * @throws HoldstillError `locked` where another command has the state, or was cut off
 */
export async function withStates<T>(work: Work, use: (take: TakeStates) => Promise<T>): Promise<T> {
  const { fs, onEvent, scratch } = work;
  const taken: Held[] = [];
  const giveAllBack = (): void => {
    for (const held of taken.splice(0)) tidy(onEvent, ...givingBack(fs, held));
  };
  const forget = scratch.add(giveAllBack);
  try {
    return await use(async ({ id, roots }) => {
      for (const root of roots) await take(work, { id, root }, taken);
    });
  } finally {
    giveAllBack();
    forget();
  }
}

async function take(work: Work, { id, root }: { readonly id: string; readonly root: Bytes }, taken: Held[]) {
  const { fs, archives, signal, now } = work;
  const claim = { archives: textOf(archives), id };
  assertNoneAbove(fs, root, claim);
  const directory = claimOf(fs, root);
  makeDirectory(fs, directory);
  const held = await lock(fs, directory, thisProcess(), { waitMs: 0, signal, now }).catch((error: unknown) => {
    throw unclaimed(root, directory, error);
  });
  const other = read(fs, directory);
  const isTaken = other !== undefined && isAnothers(fs, other, claim);
  taken.push({ directory, lock: held, claim: isTaken ? other : claim });
  if (isTaken) {
    throw new HoldstillError("locked", "a guarded command of this state did not come to its end", {
      path: textOf(root),
      hint: `First: ${resumeCommand({ archives: bytesOf(other.archives) })}`,
    });
  }
  unlinkIfThere(fs, fileOf(directory));
  await writeSynced(fs, fileOf(directory), Buffer.from(`${JSON.stringify(claim)}\n`));
}

function unclaimed(root: Bytes, directory: Bytes, cause: unknown): unknown {
  if (!(cause instanceof HoldstillError)) return cause;
  if (cause.code === "locked") {
    return new HoldstillError("locked", "another guarded command has this state", {
      ...{ path: textOf(root), hint: "Wait until it is done.", cause },
    });
  }
  return new HoldstillError(cause.code, "the state cannot be claimed for a guarded command", {
    ...{ path: textOf(directory), cause },
    hint: "It may be another user's: then that user's command was cut off, and has to be resumed first.",
  });
}

/** What holds a state holds what lies in it: it is exchanged as a whole. */
function assertNoneAbove(fs: Filesystem, root: Bytes, claim: Claim): void {
  for (let above = parentOf(root); above !== ""; above = parentOf(above)) {
    for (const directory of [insideOf(above), besideOf(above)]) {
      const other = read(fs, directory);
      if (other === undefined || !isAnothers(fs, other, claim)) continue;
      throw new HoldstillError("locked", "another guarded command has a directory in which this state lies", {
        path: textOf(above),
        hint: `Wait until it is done. If it was cut off: ${resumeCommand({ archives: bytesOf(other.archives) })}`,
      });
    }
  }
}

/** Beside the state, or in it where nothing can be made there. */
function claimOf(fs: Filesystem, root: Bytes): Bytes {
  return isParentWritable(fs, root) ? besideOf(root) : insideOf(root);
}

function besideOf(root: Bytes): Bytes {
  return under(parentOf(root) || ("/" as Bytes), `${AREA_PREFIX}of-${nameOf(root)}` as Bytes);
}

function insideOf(root: Bytes): Bytes {
  return under(root, bytesOf(`${AREA_PREFIX}lock`));
}

function fileOf(directory: Bytes): Bytes {
  return under(directory, bytesOf("claim.json"));
}

/** Undefined where there is none, or one that was never finished. */
function read(fs: Filesystem, directory: Bytes): Claim | undefined {
  try {
    const text = Buffer.from(readProc(fs, fileOf(directory)) ?? "", "latin1").toString("utf8");
    const value: unknown = JSON.parse(text);
    const { archives, id } = value as Partial<Record<keyof Claim, unknown>>;
    return typeof archives === "string" && typeof id === "string" ? { archives, id } : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

function isAnothers(fs: Filesystem, other: Claim, { archives, id }: Claim): boolean {
  return (other.id !== id || other.archives !== archives) && isOpen(fs, other);
}

function isOpen(fs: Filesystem, { archives, id }: Claim): boolean {
  return journals(fs, bytesOf(archives)).some((journal) => journal.id === id && isUnfinished(journal));
}

/** Each is tried, whatever the disk makes of the others: what is left of a claim is worth nothing without its lock. */
function givingBack(fs: Filesystem, { directory, lock: held, claim }: Held): (() => void)[] {
  return [
    () => {
      if (!isOpen(fs, claim)) unlinkIfThere(fs, fileOf(directory));
    },
    held.release,
    () => removeEmpty(fs, directory),
  ];
}
