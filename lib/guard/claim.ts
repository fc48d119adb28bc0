import type { Bytes } from "../bytes.js";
import { bytesOf, escaped } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { tidy } from "../tidy.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { lock, type Lock } from "../vault/lock.js";
import { makeDirectory } from "../vault/output.js";
import { thisProcess } from "../vault/owner.js";
import { claimFile, claimOf, readClaim, type Claim } from "./claim-file.js";
import { removeEmpty } from "./containers.js";
import { journals, writeSynced } from "./journal-file.js";
import { isUnfinished, type Journal } from "./journal.js";
import { assertAlone, assertNotPending, unclaimable, underWay } from "./neighbours.js";
import type { Work } from "./work.js";

interface Held {
  readonly directory: Bytes;
  readonly lock: Lock;
  readonly claim: Claim;
}

/** Claims the states that a journal is about. */
export type TakeStates = (journal: Pick<Journal, "id" | "roots">) => Promise<void>;

/**
 * Lets `use` claim states, so that no two commands have the same, or one a part of the other's, whatever their archive
 * directories. A claim lasts until its journal is finished, also where the process does not.
 * @throws HoldstillError `locked` where another command has the state, or was cut off
 */
export async function withStates<T>(work: Work, use: (take: TakeStates) => Promise<T>): Promise<T> {
  const { fs, archives, onEvent, scratch } = work;
  const taken: Held[] = [];
  const giveAllBack = (): void => {
    for (const held of taken.splice(0)) tidy(onEvent, ...givingBack(fs, held));
  };
  const forget = scratch.add(giveAllBack);
  try {
    return await use(async ({ id, roots }) => {
      const claim = { archives: escaped(archives), id };
      for (const root of roots) await take(work, root, claim, taken);
      const directories = new Set(taken.map(({ directory }) => directory));
      for (const root of roots) assertAlone(work, root, { claim, directories });
    });
  } finally {
    giveAllBack();
    forget();
  }
}

async function take(work: Work, root: Bytes, claim: Claim, taken: Held[]): Promise<void> {
  const { fs } = work;
  const directory = claimOf(fs, root);
  const held = await locked(work, directory).catch((error: unknown) => {
    if (!(error instanceof HoldstillError)) throw error;
    throw error.code === "locked" ? underWay(work, { root, claimed: root, directory }) : unclaimable(directory, error);
  });
  const other = readClaim(fs, directory);
  taken.push({ directory, lock: held, claim: other ?? claim });
  assertNotPending(fs, { root, claimed: root, directory }, claim);
  taken.splice(-1, 1, { directory, lock: held, claim });
  unlinkIfThere(fs, claimFile(directory));
  await writeSynced(fs, claimFile(directory), Buffer.from(`${JSON.stringify(claim)}\n`));
}

/** How often a directory may be removed under our hands. */
const TRIES = 5;

/** Who gives a claim back removes its directory, maybe just when it was found to be there. */
async function locked({ fs, signal, now }: Work, directory: Bytes): Promise<Lock> {
  for (let tries = 1; ; tries++) {
    makeDirectory(fs, directory);
    try {
      return await lock(fs, directory, thisProcess(), { waitMs: 0, signal, now });
    } catch (error) {
      if (!(error instanceof HoldstillError) || !isErrno(error.cause, "ENOENT") || tries === TRIES) throw error;
    }
  }
}

function isOpen(fs: Filesystem, { archives, id }: Claim): boolean {
  return journals(fs, bytesOf(archives)).some((journal) => journal.id === id && isUnfinished(journal));
}

/** Each is tried, whatever the disk makes of the others: what is left of a claim is worth nothing without its lock. */
function givingBack(fs: Filesystem, { directory, lock: held, claim }: Held): (() => void)[] {
  return [
    () => {
      if (!isOpen(fs, claim)) unlinkIfThere(fs, claimFile(directory));
    },
    held.release,
    () => removeEmpty(fs, directory),
  ];
}
