import type { Checked } from "../archive/check.js";
import { payloadRoot } from "../archive/index.js";
import { nameOf, textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import { checkFile, findArchive } from "../read-archive.js";
import { countText } from "../report/size.js";
import { attempts } from "../restore/attempt.js";
import { attributeSetter } from "../restore/attributes.js";
import { directories } from "../restore/directories.js";
import { inventory } from "../restore/inventory.js";
import type { Layout } from "../restore/layout.js";
import { planRestore } from "../restore/plan.js";
import { treeSync } from "../restore/sync.js";
import { entryWriter } from "../restore/writer.js";
import { removeTree } from "../stage/leftovers.js";
import { makeDirectory } from "../vault/output.js";
import { checkRestored } from "./check-restored.js";
import { containerOf } from "./containers.js";
import { fromIndex } from "./index-lines.js";
import type { Place } from "./journal.js";
import { belowPlace } from "./lines-of-place.js";
import { isWithin, relativeTo } from "./mounts.js";
import type { Work } from "./work.js";

/**
 * Restores a place beside itself, and reads it back there.
 * @throws HoldstillError `bad-archive`, `no-space`, `verify-failed`; `io` for what could not be restored
 */
export async function restorePlace(work: Work, archive: string, place: Place): Promise<void> {
  const { fs } = work;
  const container = containerOf(place);
  removeTree(fs, container);
  makeDirectory(fs, container);
  await restoreInto(work, archive, place, { target: container, wanted: () => true });
  await fromIndex(archive, work, checkRestored(fs, place, "whole"));
}

export interface Into {
  /** An empty directory. */
  readonly target: Bytes;
  /** Which paths of the place. */
  readonly wanted: (path: Bytes) => boolean;
}

/** Restores of a place what is wanted; everything at its path in the place. */
export async function restoreInto(work: Work, archive: string, place: Place, { target, wanted }: Into): Promise<void> {
  const { fs, onEvent } = work;
  const file = findArchive(fs, archive);
  const held = inventory();
  const { result } = await checkFile(file, work, { observer: held });
  const plan = planRestore(held.taken().entries, layoutOf(place, result), ({ to }) => wanted(to));
  const tries = attempts(target);
  const { uid, gid } = fs.lstat(target);
  const setter = attributeSetter(fs, { uid, gid, isRoot: uid === 0 }, true);
  const made = directories(fs, target);
  const sync = treeSync(fs, target);
  const writer = entryWriter(fs, plan, { target, directories: made, attributes: setter, attempts: tries, sync });
  const fd = fs.openDirectory(target);
  try {
    await checkFile(file, work, { phase: "restore", observer: writer });
    writer.makeLinks();
    made.finish(setter, tries.attempt);
    made.finishTarget(setter, fd);
    await sync.finish(writer.written().files);
  } finally {
    fs.close(fd);
    writer.close();
    made.close();
  }
  const [failed] = tries.failed;
  if (failed)
    throw new HoldstillError("io", `${failed.path} could not be restored: ${failed.reason}`, { path: textOf(target) });
  const { owners } = setter.withheld;
  if (owners > 0)
    onEvent({ type: "warning", message: `${countText(owners, "thing")} could not be given back to another user` });
}

/** What belongs to the place goes to its own path in it, and nothing else anywhere. */
function layoutOf(place: Place, { root, sources }: Pick<Checked, "root" | "sources">): Layout {
  const payload = payloadRoot(root);
  const longestFirst = sources
    .map(({ path }, source) => ({ path, source }))
    .sort((a, b) => b.path.length - a.path.length);
  return {
    roots: [],
    unplaced: () => undefined,
    placeOf(name) {
      const absolute = name.slice(payload.length) as Bytes;
      const holding = longestFirst.find(({ path }) => isWithin(absolute, path));
      if (holding?.source !== place.source) return undefined;
      const path = relativeTo(holding.path, absolute);
      const below = belowPlace(place, path);
      if (below === undefined) return undefined;
      return { source: place.source, path, to: place.type === "file" ? nameOf(place.fresh) : below };
    },
  };
}
