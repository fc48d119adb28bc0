import { bytesOf, nameOf, parentOf, under, type Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import { AREA_PREFIX } from "../stage/selection.js";
import { isParentWritable } from "./places.js";
import { readProc } from "./proc.js";

/** Which journal a state belongs to. */
export interface Claim {
  readonly archives: string;
  readonly id: string;
}

const BESIDE = `${AREA_PREFIX}of-`;
const INSIDE = `${AREA_PREFIX}lock`;

/** The directory that claims a state: beside it, or in it where nothing can be made there. */
export function claimOf(fs: Filesystem, root: Bytes): Bytes {
  return isParentWritable(fs, root) ? besideOf(root) : insideOf(root);
}

/** Wherever a state may be claimed: not everybody can write in the same places. */
export function claimsOf(root: Bytes): Bytes[] {
  return [besideOf(root), insideOf(root)];
}

/** The state that a directory of this name claims; undefined for any other name. */
export function claimedBy(directory: Bytes): Bytes | undefined {
  const name = nameOf(directory);
  if (name === INSIDE) return parentOf(directory);
  return name.startsWith(BESIDE) ? under(parentOf(directory), name.slice(BESIDE.length) as Bytes) : undefined;
}

function besideOf(root: Bytes): Bytes {
  return under(parentOf(root) || ("/" as Bytes), `${BESIDE}${nameOf(root)}` as Bytes);
}

function insideOf(root: Bytes): Bytes {
  return under(root, bytesOf(INSIDE));
}

export function claimFile(directory: Bytes): Bytes {
  return under(directory, bytesOf("claim.json"));
}

/** Undefined where there is none, or one that was never finished. */
export function readClaim(fs: Filesystem, directory: Bytes): Claim | undefined {
  try {
    const text = Buffer.from(readProc(fs, claimFile(directory)) ?? "", "latin1").toString("utf8");
    const value: unknown = JSON.parse(text);
    const { archives, id } = value as Partial<Record<keyof Claim, unknown>>;
    return typeof archives === "string" && typeof id === "string" ? { archives, id } : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
