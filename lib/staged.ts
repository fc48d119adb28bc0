import { hash } from "node:crypto";
import { setImmediate, setTimeout } from "node:timers/promises";
import { indexFileAt } from "./vault/index-file.js";
import { printLine } from "./archive/index.js";
import { endLine } from "./archive/lines.js";
import { pack } from "./archive/pack.js";
import { findingsOf, isComplete } from "./archive/summary.js";
import { tally, type Totals } from "./archive/tally.js";
import { exactTextOf, textOf, type Bytes } from "./bytes.js";
import { describe } from "./describe.js";
import { HoldstillError, isErrno } from "./errors.js";
import { stoppable, type Filesystem, type Stat } from "./filesystem.js";
import { freezeSources, rootsOf } from "./freeze-sources.js";
import { prepareSources, type CreateOptions, type PreparedSources, type SourceOptions } from "./prepare.js";
import type { FrozenFile } from "./stage/entry.js";
import type { Frozen } from "./stage/freeze.js";
import { guard, type Body } from "./stage/guard.js";
import { occupyStages } from "./stage/occupy.js";
import type { Stage } from "./stage/place.js";
import { intoStage, stageFailure } from "./stage/private-copy.js";
import { unchanged } from "./stage/sameness.js";
import { layoutOf } from "./staged-tree/layout.js";
import { treeStore, type TreeStore } from "./staged-tree/tree-store.js";
import type { Surroundings } from "./surroundings.js";
import { writeAll } from "./write-all.js";
import { thisProcess } from "./vault/owner.js";

/** Between two readings of a file that is being written to. */
const TRY_AGAIN_MS = 20;

/** Files between two looks at what else there is to do. */
const BREATH = 64;

const TREE = "tree";
const INDEX = "index.jsonl";
const MANIFEST = "manifest.json";

export type StagedOptions = SourceOptions & Pick<CreateOptions, "waitMs" | "strategy" | "label">;

/** The sources as they were frozen, as a real tree with the same path in every run. */
export interface Staged {
  readonly prepared: PreparedSources;
  readonly stages: readonly Stage[];
  readonly frozen: Frozen;
  readonly totals: Totals;
  /** Whether everything is in it that had to be. */
  readonly complete: boolean;
  /** Where all of it lies. */
  readonly directory: string;
  /** The trees, the first with all sources that are on one mount with the first of them. */
  readonly trees: readonly [string, ...string[]];
  readonly index: string;
  /** What an archive would have as its `manifest.json`. */
  readonly manifest: string;
  /** When all was in its place, in milliseconds of the epoch. */
  readonly settledMs: number;
  /** The files that are hard links to live ones and are not any more what they were. */
  readonly changed: () => FrozenFile[];
}

/**
 * Freezes the sources, lays them out with their final bytes, and lets `use` have them. Afterwards nothing is left of it.
 * @throws HoldstillError `locked` where another run over the same sources has their stage, `output-unusable` where there
 * is no place for one
 */
export async function withStaged<T>(
  options: StagedOptions,
  surroundings: Surroundings,
  use: (staged: Staged) => Promise<T>,
): Promise<T> {
  const around = { ...surroundings, fs: stoppable(surroundings.fs, surroundings.signal) };
  const prepared = prepareSources(options, around);
  for (const message of prepared.plan.problems) around.onEvent({ type: "warning", message });
  return withStages(around, prepared, options.waitMs, async (stages) => {
    assertTellable(stages);
    const frozen = await freezeSources(around, prepared.sources, stages, options.strategy);
    return layOut({ around, options, prepared, stages, frozen }, use);
  });
}

/** Node starts programs with arguments, an environment and a directory that are text. */
function assertTellable(stages: readonly Stage[]): void {
  const lost = stages.find(({ path }) => exactTextOf(path) === undefined);
  if (lost === undefined) return;
  throw new HoldstillError("output-unusable", "no other program can be told of the stage: its path is not UTF-8", {
    path: textOf(lost.path),
    hint: "Rename the directory that the source lies in; create without --to takes it as it is.",
  });
}

async function withStages<T>(
  { fs, now, signal, scratch }: Surroundings,
  { sources, cache }: PreparedSources,
  waitMs: number,
  use: (stages: readonly Stage[]) => Promise<T>,
): Promise<T> {
  const placed: { readonly stage: Stage; readonly forget: () => void }[] = [];
  const paths = sources.map(({ path }) => path);
  const onPlaced = (stage: Stage): void => void placed.push({ stage, forget: scratch.add(stage.remove) });
  try {
    await occupyStages(fs, paths, rootsOf(sources), { cache, waitMs, signal, now, onPlaced });
    return await use(placed.map(({ stage }) => stage));
  } finally {
    for (const { stage, forget } of placed) {
      stage.remove();
      forget();
    }
  }
}

interface Run {
  readonly around: Surroundings;
  readonly options: StagedOptions;
  readonly prepared: PreparedSources;
  readonly stages: readonly Stage[];
  readonly frozen: Frozen;
}

async function layOut<T>(run: Run, use: (staged: Staged) => Promise<T>): Promise<T> {
  const { prepared, stages, frozen, around } = run;
  const { fs } = around;
  const [first] = stages;
  if (!first) throw new Error("there is nothing to lay out");
  const trees = treesOf(run, first);
  const store = treeStore({
    ...{ fs, entries: frozen.entries, layout: layoutOf(prepared.sources) },
    sources: stages.map((stage, source) => ({ stage, tree: `${(trees[source] ?? first).base}/${TREE}` as Bytes })),
    reopen: (file) => open(run, file, true),
  });
  try {
    const totals = await settle(run, store, first);
    const paths = [...new Set(trees)].map(({ path }) => `${textOf(path)}/${TREE}`);
    const directory = textOf(first.path);
    return await use({
      ...{ prepared, stages, frozen, totals, directory },
      complete: isComplete({ settled: frozen.settled, problems: prepared.plan.problems }, findingsOf(totals)),
      trees: [`${directory}/${TREE}`, ...paths.slice(1)],
      index: `${directory}/${INDEX}`,
      manifest: `${directory}/${MANIFEST}`,
      settledMs: around.now(),
      changed: () => store.links.filter((file) => !isUnchanged(run, store, file)),
    });
  } finally {
    store.close();
  }
}

/** For each source the stage whose tree it lies in: that of the first, if files can be moved there. Makes the trees. */
function treesOf({ around: { fs }, stages }: Run, first: Stage): Stage[] {
  const trees = stages.map((stage) => (stage === first || isMovable(stage, first) ? first : stage));
  for (const { base } of new Set(trees)) fs.mkdir(`${base}/${TREE}` as Bytes, 0o700);
  return trees;

  function isMovable(from: Stage, to: Stage): boolean {
    const probe = from.next();
    fs.mkdir(probe, 0o700);
    try {
      const moved = to.next();
      fs.rename(probe, moved);
      fs.rmdir(moved);
      return true;
    } catch (error) {
      if (!isErrno(error, "EXDEV")) throw error;
      fs.rmdir(probe);
      return false;
    }
  }
}

async function settle(run: Run, store: TreeStore, first: Stage): Promise<Totals> {
  const { around, options, prepared, frozen } = run;
  const { fs, onEvent } = around;
  const { entries } = frozen;
  const totalBytes = entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.size : 0), 0);
  onEvent({ type: "phase", phase: "settle", totalBytes, totalFiles: entries.length });
  const { manifest, snapshot } = describe(options, prepared, frozen, thisProcess());
  intoStage(first, () => writeFile(fs, `${first.base}/${MANIFEST}` as Bytes, manifest));
  const sums = tally();
  let files = 0;
  const index = indexFileAt(fs, `${first.base}/${INDEX}` as Bytes, (_, error) => stageFailure(first, error));
  index.append(printLine({ ...snapshot, manifestSha256: hash("sha256", manifest, "hex") }));
  await pack(
    {
      ...{ fs, entries },
      async open(file) {
        // Small files are read at one go: nothing else would let signals and progress through.
        if (++files % BREATH === 0) await setImmediate();
        return open(run, file, false);
      },
      onProgress: (files, bytes) => onEvent({ type: "progress", files, bytes }),
    },
    { store, index: index.append, tally: sums },
  );
  store.finish();
  index.close((sha256) => printLine(endLine(sums.totals(), sha256)));
  return sums.totals();
}

function writeFile(fs: Filesystem, path: Bytes, text: string): void {
  const fd = fs.create(path, 0o600);
  try {
    writeAll(fs, fd, Buffer.from(text));
  } finally {
    fs.close(fd);
  }
}

async function open({ around, stages }: Run, file: FrozenFile, copyFirst: boolean): Promise<Body> {
  const { fs, now, signal } = around;
  signal.throwIfAborted();
  const stage = stages[file.source];
  if (!stage) throw new Error(`source ${file.source} has no stage`);
  const quiet = { now, pause: () => setTimeout(TRY_AGAIN_MS, undefined, { signal }) };
  return guard(fs, file, { stage, copyFirst, keepCopies: true, quiet });
}

type Owned = Pick<Stat, "mode" | "uid" | "gid">;

/** By a link the live file has them too: who changes them in the tree changes them there. */
function sameOwnerAndMode(then: Owned, now: Owned): boolean {
  return then.mode === now.mode && then.uid === now.uid && then.gid === now.gid;
}

/** Whether a link is what it was. One that the command has taken away can no longer be vouched for. */
function isUnchanged({ around: { fs } }: Run, store: TreeStore, file: FrozenFile): boolean {
  try {
    return store.at(file, (path) => {
      const stat = fs.lstat(path);
      return stat.ino === file.ino && unchanged(file, stat) && sameOwnerAndMode(file, stat);
    });
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    return false;
  }
}
