import { bytewise, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Listing, Tree } from "./tree.js";
import { visit, walk } from "./walk.js";

const PASSES = 20;

/** Clocks of a second or two exist: a directory that was modified so recently may have been modified again unseen. */
const RECENT_NS = 2_000_000_000n;

export interface Settled {
  readonly passes: number;
  /** False where names kept vanishing to the last pass. */
  readonly settled: boolean;
}

/**
 * Lists again what may have moved while it was walked, and captures what is new, until nothing is lost between its
 * listing and its capture: a file whose old name we saw is then under no new name that we did not see. After a loss it
 * takes two such passes, since a file can be renamed back behind the first. A tree need not stop moving for that.
 */
export async function settle(trees: readonly Tree[]): Promise<Settled> {
  let owed = lostIn(trees) > 0 ? 2 : 1;
  for (let pass = 1; ; pass++) {
    const before = lostIn(trees);
    for (const tree of trees) await settleOnce(tree);
    owed = lostIn(trees) > before ? 2 : owed - 1;
    if (owed === 0) return { passes: pass, settled: true };
    if (pass === PASSES) return { passes: pass, settled: false };
  }
}

function lostIn(trees: readonly Tree[]): number {
  return trees.reduce((sum, tree) => sum + tree.lost, 0);
}

async function settleOnce(tree: Tree): Promise<void> {
  const listed = [...tree.listings].sort(([a], [b]) => bytewise(a, b));
  for (const [path, listing] of listed) {
    const pause = tree.breathe();
    if (pause) await pause;
    if (!mayHaveMoved(tree, path, listing)) continue;
    for (const directory of await visit(tree, path)) await walk(tree, directory);
  }
  await tree.copies.done();
}

function mayHaveMoved(tree: Tree, path: Bytes, listing: Listing): boolean {
  if (listing.lost) return true;
  try {
    const { ino, mtimeNs } = tree.fs.fstat(tree.descent.enter(path).fd);
    const recent = BigInt(Math.round(listing.listedAt)) * 1_000_000n - listing.mtimeNs < RECENT_NS;
    return recent || mtimeNs !== listing.mtimeNs || ino !== listing.ino;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EPERM", "ESTALE")) return false;
    throw error;
  }
}
