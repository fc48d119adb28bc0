import { bytewise, type Bytes } from "../bytes.js";
import { BROKEN, isErrno } from "../errors.js";
import { isFresh } from "./sameness.js";
import type { Listing, Tree } from "./tree.js";
import { visit, walk } from "./walk.js";

const PASSES = 20;

/** Clocks of a second or two exist: a directory that was modified so recently may have been modified again unseen. */
const RECENT_NS = 2_000_000_000n;

/** In a tree that moves: a file that is renamed ahead of each listing has to be so four times to be missed. */
const MOVING_PASSES = 3;

export interface Settled {
  readonly passes: number;
  /** False where names kept vanishing to the last pass. */
  readonly settled: boolean;
}

/**
 * Lists again what may have moved while it was walked, and captures what is new, until nothing is lost between its
 * listing and its capture: a file whose old name we saw is then under no new name that we did not see. After a loss it
 * takes two such passes, since a file can be renamed back behind the first; and a pass that found a directory moved is
 * followed by another, up to the third. A tree need not stop moving for that.
 */
export async function settle(trees: readonly Tree[]): Promise<Settled> {
  let owed = lostIn(trees) > 0 ? 2 : 1;
  for (let pass = 1; ; pass++) {
    const before = lostIn(trees);
    let moved = false;
    for (const tree of trees) moved = (await settleOnce(tree)) || moved;
    const more = moved && pass < MOVING_PASSES ? 1 : 0;
    owed = lostIn(trees) > before ? 2 : Math.max(owed - 1, more);
    if (owed === 0) return { passes: pass, settled: true };
    if (pass === PASSES) return { passes: pass, settled: false };
  }
}

function lostIn(trees: readonly Tree[]): number {
  return trees.reduce((sum, tree) => sum + tree.lost, 0);
}

/** Returns whether a directory had moved. */
async function settleOnce(tree: Tree): Promise<boolean> {
  const listed = [...tree.listings].sort(([a], [b]) => bytewise(a, b));
  let moved = false;
  for (const [path, listing] of listed) {
    await tree.breathe(0);
    const found = look(tree, path, listing);
    if (found === "moved" || found === "gone") moved = true;
    if (found === "still" || found === "gone") continue;
    for (const directory of await visit(tree, path)) await walk(tree, directory);
  }
  await tree.copies.done();
  return moved;
}

/** `gone`: not at its path any more, which it was the last time. It may have been moved to where we looked before. */
function look(tree: Tree, path: Bytes, listing: Listing): "still" | "recent" | "moved" | "gone" {
  if (listing.lost) return "moved";
  try {
    const { ino, mtimeNs } = tree.fs.fstat(tree.descent.enter(path).fd);
    const { listedAt, gone } = listing;
    listing.gone = false;
    if (gone || mtimeNs !== listing.mtimeNs || ino !== listing.ino) return "moved";
    if (mtimeNs >= tree.beganNs && isFresh(listing, listedAt, tree.stage.coarseClock)) return "moved";
    return BigInt(Math.round(listedAt)) * 1_000_000n - mtimeNs < RECENT_NS ? "recent" : "still";
  } catch (error) {
    if (isErrno(error, "EACCES", "EPERM")) return "still";
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ESTALE")) {
      const was = listing.gone;
      listing.gone = true;
      return was ? "still" : "gone";
    }
    if (isErrno(error, ...BROKEN, "ENOTCONN")) return "moved";
    throw error;
  }
}
