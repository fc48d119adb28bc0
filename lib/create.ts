import { setTimeout } from "node:timers/promises";
import { archive, type Archived } from "./archive/archive.js";
import { createIndexFile } from "./archive/index-file.js";
import { bytesOf, parentOf, type Bytes } from "./bytes.js";
import { describe, windowOf, type Description } from "./describe.js";
import { stoppable } from "./filesystem.js";
import { spareMemory } from "./memory.js";
import { prepare, type CreateOptions, type Prepared } from "./prepare.js";
import type { CreateReport } from "./report/create-report.js";
import { freeze, type Frozen } from "./stage/freeze.js";
import { guard } from "./stage/guard.js";
import { removeDeadStages } from "./stage/leftovers.js";
import { placeStage, stageParents, type Stage } from "./stage/place.js";
import type { Surroundings } from "./surroundings.js";
import { recordDigest, removeDeadCopies, saveIndex } from "./vault/catalog.js";
import { lock } from "./vault/lock.js";
import { makeDirectory } from "./vault/output.js";
import { thisProcess, type Owner } from "./vault/owner.js";
import { createPartial, removeDeadPartials } from "./vault/partial.js";
import { publish } from "./vault/publish.js";
import { verifyWritten } from "./verify.js";

export { plan } from "./plan.js";
export type { CreateOptions } from "./prepare.js";

/** Between two readings of a file that is being written to. */
const TRY_AGAIN_MS = 20;

/** One run: what was asked for, what was settled, and what it works with. */
interface Run extends Surroundings {
  readonly options: CreateOptions;
  readonly prepared: Prepared;
  readonly directory: Bytes;
  readonly me: Owner;
}

/**
 * Makes one backup: freezes the sources into private stages, archives the stages, reads the archive back, and only then
 * gives it its name. Whatever fails, neither a stage nor a partial archive is left.
 * @throws HoldstillError with the code of what failed
 */
export async function create(options: CreateOptions, around: Surroundings): Promise<CreateReport> {
  const prepared = prepare(options, around);
  const fs = stoppable(around.fs, around.signal);
  const run: Run = { ...around, fs, options, prepared, directory: bytesOf(prepared.directory), me: thisProcess() };
  for (const message of warningsOf(prepared)) run.onEvent({ type: "warning", message });
  return withLock(run, () =>
    withStages(run, async (stages) => {
      const frozen = await freezeAll(run, stages);
      spareMemory(frozen.entries.length);
      const description = describe(options, prepared, frozen, run.me);
      const archived = await archiveAll(run, stages, frozen, description);
      try {
        const archivedMs = run.now();
        if (options.verify) await verifyWritten(archived.partial.path, archived.index.sha256(), run);
        const verifiedMs = run.now();
        await publish(run.fs, archived.partial.path, bytesOf(prepared.archive));
        await catalogue(run, archived);
        return report(run, stages, frozen, archived, description, { archivedMs, verifiedMs });
      } finally {
        archived.end();
      }
    }),
  );
}

function warningsOf({ plan, choice }: Prepared): string[] {
  return [...plan.problems, ...(choice.note === undefined ? [] : [choice.note])];
}

async function withLock<T>(run: Run, use: () => Promise<T>): Promise<T> {
  const { fs, directory, me, now, signal, scratch, options } = run;
  makeDirectory(fs, directory);
  const held = await lock(fs, directory, me, { waitMs: options.waitMs, signal, now });
  const forget = scratch.add(held.release);
  try {
    removeDeadPartials(fs, directory);
    removeDeadCopies(fs, directory);
    return await use();
  } finally {
    held.release();
    forget();
  }
}

async function withStages<T>(run: Run, use: (stages: readonly Stage[]) => Promise<T>): Promise<T> {
  const { fs, me, now, scratch, prepared } = run;
  const roots = prepared.sources.map(({ path, type }) => (type === "file" ? parentOf(path) : path));
  const parents = roots.flatMap((root) => stageParents(root, prepared.cache).map(({ path }) => path));
  removeDeadStages(fs, parents, me, now());
  const placed: { readonly stage: Stage; readonly forget: () => void }[] = [];
  try {
    for (const root of roots) {
      const stage = placeStage(fs, root, prepared.cache, thisProcess());
      placed.push({ stage, forget: scratch.add(stage.remove) });
    }
    return await use(placed.map(({ stage }) => stage));
  } finally {
    for (const { stage, forget } of placed) {
      stage.remove();
      forget();
    }
  }
}

function freezeAll({ fs, now, signal, onEvent, options, prepared }: Run, stages: readonly Stage[]): Promise<Frozen> {
  onEvent({ type: "phase", phase: "freeze" });
  const sources = prepared.sources.flatMap((source, index) => {
    const stage = stages[index];
    return stage ? [{ ...source, stage }] : [];
  });
  return freeze(fs, sources, {
    strategy: options.strategy,
    ...{ now, signal },
    onProgress: (files) => onEvent({ type: "progress", files, bytes: 0 }),
  });
}

async function archiveAll(
  run: Run,
  stages: readonly Stage[],
  frozen: Frozen,
  { manifest, snapshot }: Description,
): Promise<Archived> {
  const { fs, now, signal, onEvent, scratch, prepared, directory } = run;
  const totalBytes = frozen.entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.size : 0), 0);
  onEvent({ type: "phase", phase: "archive", totalBytes, totalFiles: frozen.entries.length });
  const quiet = { now, pause: () => setTimeout(TRY_AGAIN_MS, undefined, { signal }) };
  return archive({
    ...{ fs, root: prepared.root, entries: frozen.entries, manifest, snapshot, choice: prepared.choice },
    createdMs: prepared.createdMs,
    sources: prepared.sources.map(({ path }) => path),
    open(file, copyFirst) {
      signal.throwIfAborted();
      const stage = stages[file.source];
      if (!stage) throw new Error(`source ${file.source} has no stage`);
      return guard(fs, file, { stage, copyFirst, quiet });
    },
    begin() {
      const partial = createPartial(fs, directory, prepared.name);
      const forgetPartial = scratch.add(partial.remove);
      const index = orUndo(() => createIndexFile(fs, directory, prepared.name), partial.remove);
      const forgetIndex = scratch.add(index.remove);
      return {
        partial,
        index,
        end: () => {
          partial.remove();
          index.remove();
          forgetPartial();
          forgetIndex();
        },
      };
    },
    onProgress: (files, bytes) => onEvent({ type: "progress", files, bytes }),
  });
}

function orUndo<T>(work: () => T, undo: () => void): T {
  try {
    return work();
  } catch (error) {
    undo();
    throw error;
  }
}

/** The catalog only saves time later: without it the archive is as good. */
async function catalogue({ fs, onEvent, prepared, directory }: Run, { index, partial }: Archived): Promise<void> {
  try {
    recordDigest(fs, bytesOf(prepared.archive), partial.written().sha256);
    await saveIndex(fs, directory, prepared.name, index.chunks());
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    onEvent({ type: "warning", message: `the copy of the index could not be saved: ${reason}` });
  }
}

function report(
  { now, options, prepared }: Run,
  stages: readonly Stage[],
  frozen: Frozen,
  { partial, totals }: Archived,
  { upstream }: Description,
  { archivedMs, verifiedMs }: { readonly archivedMs: number; readonly verifiedMs: number },
): CreateReport {
  const { left: _, damaged, ...sums } = totals;
  const complete =
    frozen.settled &&
    prepared.plan.problems.length === 0 &&
    damaged.length === 0 &&
    sums.verdicts.unstable === 0 &&
    !sums.skipped.some(({ reason }) => reason === "unreadable");
  return {
    outcome: "published",
    ...{
      archive: prepared.archive,
      profile: prepared.plan.profile,
      id: prepared.id,
      ...partial.written(),
      verified: options.verify,
      complete,
    },
    frozen: windowOf(frozen),
    ...sums,
    ...{ settlePasses: frozen.passes, settled: frozen.settled, upstream, compression: prepared.choice.format },
    sources: stages.map((stage, index) => ({
      path: prepared.plan.sources[index]?.path ?? "",
      stage: stage.placement,
      method: frozen.methods[index] ?? "copy",
    })),
    warnings: [...warningsOf(prepared), ...damaged],
    timings: {
      freezeMs: Math.round(frozen.to - frozen.from),
      archiveMs: Math.round(archivedMs - frozen.to),
      verifyMs: Math.round(verifiedMs - archivedMs),
      totalMs: Math.round(now() - prepared.createdMs),
    },
  };
}
