import { setImmediate, setTimeout } from "node:timers/promises";
import { bytewise, nameOf, parentOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import { stoppable, type Filesystem } from "../filesystem.js";
import { methodFor, type CapturedFile, type Strategy } from "./capture.js";
import { copies, type Copies } from "./copies.js";
import { copyDatabases } from "./copy-databases.js";
import { databases, type Databases } from "./databases.js";
import { descent, hasDescriptorPaths } from "./descent.js";
import { mostHeldOpen } from "./descriptors.js";
import type { FrozenEntry, FrozenFile } from "./entry.js";
import { fingerprinted, inNeedOfFingerprint } from "./fingerprint.js";
import { group, linkCounts, type LinkCounts, type ManyNamed } from "./hardlinks.js";
import type { Stage } from "./place.js";
import type { QuietOptions } from "./quiet.js";
import type { Selection } from "./selection.js";
import { settle } from "./settle.js";
import type { Tree } from "./tree.js";
import { captureRoot, walk } from "./walk.js";

/** How often signals and progress get through while we walk. */
const BREATH_MS = 100;
const TRY_AGAIN_MS = 20;

export interface FreezeSource {
  readonly path: Bytes;
  readonly type: "directory" | "file";
  readonly selection: Selection;
  readonly stage: Stage;
}

export interface FreezeOptions {
  readonly strategy: Strategy;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly onProgress: (files: number) => void;
}

export interface Frozen {
  /** In bytewise order of their absolute paths, which is the order of the archive. */
  readonly entries: readonly FrozenEntry[];
  readonly methods: readonly CapturedFile["method"][];
  /** The window, in milliseconds of the epoch: everything that was there all the while is in `entries`. */
  readonly from: number;
  readonly to: number;
  /** Between the first and the last moment that a database shows, in milliseconds; undefined where there is none. */
  readonly databaseSkewMs: number | undefined;
  readonly passes: number;
  readonly settled: boolean;
}

/**
 * Takes all sources into their stages, in one window.
 * @throws HoldstillError `source-missing` where a root is gone when the window ends, `no-space` where copies do not fit
 */
export async function freeze(
  fs: Filesystem,
  sources: readonly FreezeSource[],
  options: FreezeOptions,
): Promise<Frozen> {
  const methods = sources.map(({ stage, path }) => methodFor(stage, options.strategy, path));
  const shared: Shared = {
    ...sharedBy(options),
    copies: copies(mostHeldOpen(fs)),
    links: linkCounts(),
    manyNamed: new Map(),
    databases: databases(fs, options.signal),
  };
  const trees: Tree[] = [];
  const stop = new AbortController();
  const reading = stoppable(fs, stop.signal);
  try {
    await shared.databases.pinAll(sources);
    const began = options.now();
    // The clock may leave out what is less than a millisecond.
    const beganNs = BigInt(Math.floor(began) + 1) * 1_000_000n;
    for (const [index, source] of sources.entries()) {
      trees.push(treeOf(reading, source, index, methods[index] ?? "copy", { ...shared, beganNs }));
    }
    for (const [index, tree] of trees.entries()) {
      const source = sources[index];
      if (source?.type === "file") await captureRoot(tree, nameOf(source.path));
      else await walk(tree, "." as Bytes);
    }
    await shared.copies.done();
    const { passes, settled } = await settle(trees.filter((_, index) => sources[index]?.type === "directory"));
    for (const { path } of sources) assertPresent(fs, path);
    takeFingerprints(fs, trees, shared.manyNamed, options.now);
    const ended = options.now();
    for (const tree of trees) await copyDatabases(tree, shared.manyNamed);
    const pins = shared.databases.moments();
    return {
      ...{ entries: inOrder(trees, shared.manyNamed), methods, passes, settled },
      // The clock may have been set back meanwhile.
      ...{ from: Math.min(began, ended, pins?.first ?? began), to: Math.max(began, ended) },
      databaseSkewMs: pins?.skewMs,
    };
  } finally {
    // A copy that outlives the run would write to whatever has the number of its descriptors by then.
    stop.abort();
    await shared.copies.idle();
    for (const tree of trees) tree.descent.close();
    await shared.databases.close();
  }
}

interface Shared {
  readonly copies: Copies;
  readonly links: LinkCounts;
  readonly manyNamed: ManyNamed;
  readonly databases: Databases;
  readonly now: () => number;
  readonly breathe: Tree["breathe"];
  readonly quiet: Pick<QuietOptions, "now" | "pause">;
}

function sharedBy({ now, signal, onProgress }: FreezeOptions): Pick<Shared, "now" | "breathe" | "quiet"> {
  let files = 0;
  let breathed = performance.now();
  const breathe: Tree["breathe"] = (names) => {
    files += names;
    if (performance.now() - breathed < BREATH_MS) return undefined;
    breathed = performance.now();
    onProgress(files);
    return setImmediate().then(() => signal.throwIfAborted());
  };
  const pause = (): Promise<void> => setTimeout(TRY_AGAIN_MS, undefined, { signal });
  return { now, breathe, quiet: { now, pause } };
}

function treeOf(
  fs: Filesystem,
  source: FreezeSource,
  index: number,
  method: CapturedFile["method"],
  shared: Shared & Pick<Tree, "beganNs">,
): Tree {
  const { path, type, selection, stage } = source;
  const root = type === "file" ? parentOf(path) : path;
  const viaDescriptors = hasDescriptorPaths(fs);
  if (!viaDescriptors) refuseForeign(fs, root, stage);
  return {
    ...shared,
    ...{ fs, source: index, root, stage, method, selection },
    pathOf: (relative) => under(path, relative),
    descent: descent(fs, root, viaDescriptors),
    entries: new Map(),
    listings: new Map(),
    copying: new Set(),
    copied: new Map(),
    lost: 0,
  };
}

/** Where paths are all there is, whoever owns a tree can lead root out of it. The stage's owner is who we are. */
function refuseForeign(fs: Filesystem, root: Bytes, stage: Stage): void {
  if (fs.lstat(stage.path).uid !== 0 || fs.lstat(root).uid === 0) return;
  throw new HoldstillError("usage", "without /proc, root does not back up what belongs to another user", {
    path: textOf(root),
    hint: "Mount /proc, or run holdstill as the user who owns it.",
  });
}

/** A root that is gone is an error, not a tree of vanished files. */
function assertPresent(fs: Filesystem, path: Bytes): void {
  try {
    fs.lstat(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    throw new HoldstillError("source-missing", "the source disappeared while it was being backed up", {
      path: textOf(path),
      hint: "Make sure that nothing moves or removes it meanwhile, and try again.",
      cause: error,
    });
  }
}

function takeFingerprints(fs: Filesystem, trees: readonly Tree[], manyNamed: ManyNamed, now: () => number): void {
  for (const file of inNeedOfFingerprint(filesOf(trees), ({ source }) => trees[source]?.stage.coarseClock ?? false)) {
    const taken = fingerprinted(fs, file, now);
    if (!taken) continue;
    const identity = manyNamed.get(file);
    if (identity !== undefined) manyNamed.set(taken, identity);
    trees[file.source]?.entries.set(file.path, taken);
  }
}

function* filesOf(trees: readonly Tree[]): Generator<FrozenFile> {
  for (const { entries } of trees) for (const entry of entries.values()) if (entry.type === "file") yield entry;
}

function inOrder(trees: readonly Tree[], manyNamed: ManyNamed): FrozenEntry[] {
  const pathOf = ({ source, path }: FrozenEntry): Bytes => trees[source]?.pathOf(path) ?? path;
  // Whole paths are not kept: there are many of them, and within one source the shorter ones have the same order.
  const compare = (a: FrozenEntry, b: FrozenEntry): number =>
    a.source === b.source && a.path !== "." && b.path !== "."
      ? bytewise(a.path, b.path)
      : bytewise(pathOf(a), pathOf(b));
  const sorted = trees.flatMap(({ entries }) => [...entries.values()]).sort(compare);
  return manyNamed.size > 0 ? group(sorted, manyNamed, pathOf) : sorted;
}
