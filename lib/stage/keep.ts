import type { Bytes } from "../bytes.js";
import type { Stat } from "../filesystem.js";
import { copyOpen, type CapturedFile } from "./capture.js";
import { copiedBefore, rememberCopy } from "./copied.js";
import type { PinOutcome } from "./database.js";
import { isDatabase } from "./databases.js";
import type { FrozenFile } from "./entry.js";
import { identityOf } from "./hardlinks.js";
import { isAppended } from "./kinds.js";
import { lose, note, skip } from "./note.js";
import { asBytes, takeBytes, type Kept, type Taken, type TakenDatabase, type TakenOpen } from "./take.js";
import type { Tree } from "./tree.js";

/** Notes what was taken. */
export async function keep(tree: Tree, taken: Taken): Promise<void> {
  switch (taken.status) {
    case "captured":
      return keepCaptured(tree, taken.path, taken.captured, taken.kept);
    case "open":
      keepLater(tree, taken);
      return;
    case "database":
      return keepKnown(tree, taken);
    case "directory":
    case "noted":
      return;
  }
}

/** Has what was opened copied and noted beside all else, and closed: `tree.copies` knows when that is done. */
export function keepLater(tree: Tree, taken: TakenOpen): void {
  tree.copying.add(taken);
  tree.copies.add(() => keepCopy(tree, taken));
}

/** Captures the bytes of what is at `from`, whatever they are. */
export async function keepBytes(tree: Tree, path: Bytes, from: Bytes, kept: Kept): Promise<void> {
  const pause = tree.copies.makeRoom();
  if (pause) await pause;
  const taken = takeBytes(tree, path, from, kept);
  if (taken === "other") lose(tree, path);
  else await keep(tree, taken);
}

async function keepCopy(tree: Tree, taken: TakenOpen): Promise<void> {
  const { path, kept } = taken;
  const copied = await copyOf(tree, taken);
  if (copied.status === "captured" && kept.reason === undefined) rememberCopy(tree, copied);
  // What was given back meanwhile is not noted: see `visit`.
  if (!tree.copying.delete(taken)) return;
  if (copied.status === "captured") await keepCaptured(tree, path, copied, kept);
  else if (copied.reason === "vanished") lose(tree, path);
  else skip(tree, path, copied.reason, copied.detail);
}

async function copyOf(tree: Tree, { path, fd }: TakenOpen): ReturnType<typeof copyOpen> {
  const before = tree.copied.size === 0 ? undefined : copiedBefore(tree, tree.fs.fstat(fd));
  if (!before) {
    const options = { ...tree.quiet, appended: isAppended(path), coarseClock: tree.stage.coarseClock };
    return copyOpen(tree.fs, tree.stage, fd, options);
  }
  tree.fs.close(fd);
  return before;
}

async function keepCaptured(tree: Tree, path: Bytes, captured: CapturedFile, kept: Kept): Promise<void> {
  if (kept.reason !== undefined || !isDatabase(tree.fs, captured.staged, captured.stat.size)) {
    keepFile(tree, path, captured, kept);
    return;
  }
  // A database that turned up during the walk: what was captured of it gives way to a pin.
  const { outcome, staged } = await tree.databases.pin(tree.pathOf(path), captured.stat, tree.stage);
  const reason = asBytes(outcome);
  if (reason) {
    keepFile(tree, path, captured, reason);
    return;
  }
  tree.fs.unlink(captured.staged);
  const ours = captured.method === "link" ? 1 : 0;
  keepDatabase(tree, path, { ...captured.stat, nlink: captured.stat.nlink - ours }, outcome, staged);
}

/** A database that was pinned before, or took the place of one that was. */
async function keepKnown(tree: Tree, { path, from, stat, known }: TakenDatabase): Promise<void> {
  const { outcome, staged } = known ?? (await tree.databases.pin(tree.pathOf(path), stat, tree.stage));
  const reason = asBytes(outcome);
  if (reason) await keepBytes(tree, path, from, reason);
  else keepDatabase(tree, path, stat, outcome, staged);
}

function keepFile(tree: Tree, path: Bytes, captured: CapturedFile, kept: Kept): void {
  const { stat, method, staged, at, verdict } = captured;
  const { mode, uid, gid, mtimeNs, size, dev, ino } = stat;
  // Without a spread, as there are many of them: V8 gives what follows one a hidden class of its own each time.
  const file: FrozenFile = {
    type: "file",
    source: tree.source,
    path,
    mode,
    uid,
    gid,
    mtimeNs,
    size,
    dev,
    ino,
    method,
    staged,
    at,
    verdict: kept.verdict ?? verdict,
    reason: kept.reason,
  };
  if (method === "link") tree.links.linked(stat);
  if (tree.links.own(stat) > 1) tree.manyNamed.set(file, identityOf(stat));
  note(tree, path, file);
}

function keepDatabase(tree: Tree, path: Bytes, stat: Stat, outcome: PinOutcome, staged: Bytes): void {
  switch (outcome.status) {
    case "vanished":
      lose(tree, path);
      return;
    case "pinned": {
      const { mode, uid, gid, mtimeNs, size, dev, ino } = stat;
      const file: FrozenFile = {
        ...{ type: "file", source: tree.source, path, mode, uid, gid, mtimeNs, size, dev, ino, staged },
        ...{ method: "database", verdict: "exact", at: outcome.database.pinnedAt },
      };
      if (tree.links.own(stat) > 1) tree.manyNamed.set(file, identityOf(stat));
      note(tree, path, file);
      return;
    }
    default:
      skip(tree, path, "unreadable", outcome.reason);
  }
}
