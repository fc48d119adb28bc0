import type { Stat } from "../filesystem.js";
import type { CapturedFile } from "./capture.js";
import { ageMs, quietAfterMs, unchanged } from "./sameness.js";
import type { Tree } from "./tree.js";

/** Remembers a copy whose stamps prove that it is what the file still is for as long as they stay. */
export function rememberCopy(tree: Tree, captured: CapturedFile): void {
  const { method, verdict, staged, stat, at } = captured;
  if (method !== "copy" || verdict !== "exact") return;
  if (ageMs(stat, at) < quietAfterMs(tree.stage.coarseClock)) return;
  const { ino, dev, size, mtimeNs, birthtimeNs } = stat;
  tree.copied.set(ino, { staged, at, dev, size, mtimeNs, birthtimeNs });
}

/**
 * The copy that there is of a file, made when it went by another name: where directories are renamed all the time,
 * copying their files again and again would never end.
 */
export function copiedBefore(tree: Tree, stat: Stat): CapturedFile | undefined {
  const known = tree.copied.get(stat.ino);
  if (known?.birthtimeNs !== stat.birthtimeNs || known.dev !== stat.dev || !unchanged(known, stat)) return undefined;
  return { status: "captured", method: "copy", staged: known.staged, stat, at: known.at, verdict: "exact" };
}
