import { setTimeout } from "node:timers/promises";
import { archive, type Archived } from "./archive/archive.js";
import { concealed, findingsOf, isComplete, summaryOf } from "./archive/summary.js";
import { bytesOf, parentOf, type Bytes } from "./bytes.js";
import { describe, stagedSources, windowOf, type Description } from "./describe.js";
import { elapsedMs } from "./elapsed.js";
import { stoppable } from "./filesystem.js";
import { freezeSources, rootsOf } from "./freeze-sources.js";
import { prepare, type CreateOptions, type Prepared } from "./prepare.js";
import type { CreateReport } from "./report/create-report.js";
import { failureOf } from "./report/failure.js";
import type { Frozen } from "./stage/freeze.js";
import { guard } from "./stage/guard.js";
import { removeDeadStages } from "./stage/leftovers.js";
import { placeStage, type Stage } from "./stage/place.js";
import { stageParents, surrounded } from "./stage/stage-parents.js";
import type { Surroundings } from "./surroundings.js";
import { tidy } from "./tidy.js";
import { recordDigest, removeDeadCopies, saltOf, saveIndex, saveSummary } from "./vault/catalog.js";
import { createIndexFile } from "./vault/index-file.js";
import { makeDirectory } from "./vault/output.js";
import { thisProcess, type Owner } from "./vault/owner.js";
import { createPartial, removeDeadPartials } from "./vault/partial.js";
import { publish } from "./vault/publish.js";
import { verifyWritten } from "./verify.js";
import { withLock } from "./with-lock.js";

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
  makeDirectory(run.fs, run.directory);
  return withLock(run.directory, { me: run.me, waitMs: options.waitMs }, run, async () => {
    removeDeadPartials(run.fs, run.directory);
    removeDeadCopies(run.fs, run.directory);
    const report = await backUp(run);
    return options.deliver?.(report, run.directory, run) ?? retain(run, report);
  });
}

function backUp(run: Run): Promise<CreateReport> {
  const { options, prepared } = run;
  return withStages(run, async (stages) => {
    const { archived, description, window } = await freezeAndArchive(run, stages);
    try {
      await Promise.all([archived.partial.sync(), removeStages(run, stages)]);
      const archivedMs = run.now();
      if (options.verify) await verifyWritten(archived.partial.path, writtenOf(archived), run);
      const verifiedMs = run.now();
      await publish(run.fs, archived.partial.path, bytesOf(prepared.archive));
      const uncatalogued = await catalogue(run, archived, description);
      const made = report(run, stages, window, archived, description, { archivedMs, verifiedMs });
      return { ...made, warnings: [...made.warnings, ...uncatalogued] };
    } finally {
      archived.end();
    }
  });
}

/** As soon as they are not needed: the disk has time for it while the archive is synced. */
async function removeStages({ onEvent }: Run, stages: readonly Stage[]): Promise<void> {
  tidy(onEvent, ...stages.map(({ remove }) => remove));
}

/** The entries live no longer than this: verifying has use for their memory. */
async function freezeAndArchive(run: Run, stages: readonly Stage[]) {
  const { options, prepared } = run;
  const frozen = await freezeSources(run, prepared.sources, stages, options.strategy);
  const { entries, ...window } = frozen;
  const description = describe(options, prepared, frozen, run.me);
  return { archived: await archiveAll(run, stages, entries, description), description, window };
}

function writtenOf({ partial, index, sealed }: Archived) {
  return { indexSha256: index.sha256(), sha256: partial.written().sha256, sealed };
}

/** A backup that was published is one, whatever becomes of the archives before it. */
async function retain(run: Run, report: CreateReport): Promise<CreateReport> {
  const { options, prepared } = run;
  if (options.retention === undefined) return report;
  if (!report.complete) return { ...report, pruned: { outcome: "skipped", reason: "the new archive is incomplete" } };
  try {
    const { pruneHeld } = await import("./prune.js");
    return { ...report, pruned: await pruneHeld(options.retention, [prepared.directory], run) };
  } catch (error) {
    return { ...report, pruned: { outcome: "failed", error: failureOf(error) } };
  }
}

function warningsOf({ plan, choice }: Prepared): string[] {
  return [...plan.problems, ...(choice.note === undefined ? [] : [choice.note])];
}

async function withStages<T>(run: Run, use: (stages: readonly Stage[]) => Promise<T>): Promise<T> {
  const { fs, me, now, scratch, onEvent, prepared } = run;
  const places = surrounded(rootsOf(prepared.sources), prepared.cache);
  const parents = places.flatMap((place) => stageParents(place).map(({ path }) => path));
  removeDeadStages(fs, parents, me, now());
  const placed: { readonly stage: Stage; readonly forget: () => void }[] = [];
  try {
    for (const place of places) {
      const stage = placeStage(fs, place, thisProcess());
      placed.push({ stage, forget: scratch.add(stage.remove) });
    }
    return await use(placed.map(({ stage }) => stage));
  } finally {
    for (const { stage, forget } of placed) {
      tidy(onEvent, stage.remove);
      forget();
    }
  }
}

async function archiveAll(
  run: Run,
  stages: readonly Stage[],
  entries: Frozen["entries"],
  { manifest, snapshot }: Description,
): Promise<Archived> {
  const { fs, now, signal, onEvent, scratch, options, prepared, directory } = run;
  const totalBytes = entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.size : 0), 0);
  onEvent({ type: "phase", phase: "archive", totalBytes, totalFiles: entries.length });
  const quiet = { now, pause: () => setTimeout(TRY_AGAIN_MS, undefined, { signal }) };
  return archive({
    ...{ fs, root: prepared.root, entries, manifest, snapshot, choice: prepared.choice },
    createdMs: prepared.createdMs,
    sources: prepared.sources.map(({ path }) => path),
    open(file, copyFirst) {
      signal.throwIfAborted();
      const stage = stages[file.source];
      if (!stage) throw new Error(`source ${file.source} has no stage`);
      return guard(fs, file, { stage, copyFirst, quiet });
    },
    async begin() {
      const sealed = await options.seal?.();
      const partial = createPartial(fs, directory, prepared.name);
      const forgetPartial = scratch.add(partial.remove);
      const index = orUndo(
        () => createIndexFile(fs, directory, prepared.name, { veiled: sealed !== undefined }),
        partial.remove,
      );
      const forgetIndex = scratch.add(index.remove);
      return {
        ...{ partial, index, sealed },
        end: () => {
          tidy(onEvent, partial.remove, index.remove);
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

/**
 * The catalog only saves time later: without it the archive is as good.
 * @returns what there is to warn of
 */
async function catalogue(
  { fs, onEvent, options, prepared }: Run,
  { index, partial, totals }: Archived,
  { snapshot }: Description,
): Promise<string[]> {
  const archive = bytesOf(prepared.archive);
  const { bytes: size, sha256 } = partial.written();
  try {
    recordDigest(fs, archive, sha256);
    const indexSha256 = await saveIndex(fs, archive, index.chunks(), options.seal);
    const file = { size, mtimeNs: String(fs.lstat(archive).mtimeNs), sha256 };
    const summary = summaryOf(snapshot, findingsOf(totals), { file, indexSha256, verified: options.verify });
    saveSummary(fs, archive, options.seal ? concealed(summary, saltOf(fs, parentOf(archive))) : summary);
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `the copy of the index could not be saved: ${reason}`;
    onEvent({ type: "warning", message });
    return [message];
  }
}

function report(
  { now, options, prepared }: Run,
  stages: readonly Stage[],
  frozen: Omit<Frozen, "entries">,
  { partial, totals }: Archived,
  { upstream, snapshot }: Description,
  { archivedMs, verifiedMs }: { readonly archivedMs: number; readonly verifiedMs: number },
): CreateReport {
  const { left: _, damaged, ...sums } = totals;
  return {
    outcome: "published",
    ...{
      archive: prepared.archive,
      profile: prepared.plan.profile,
      id: prepared.id,
      ...partial.written(),
      verified: options.verify,
      ...(options.seal && { encrypted: true as const }),
      complete: isComplete(snapshot, findingsOf(totals)),
    },
    frozen: windowOf(frozen),
    ...sums,
    ...{ settlePasses: frozen.passes, settled: frozen.settled, upstream, compression: prepared.choice.format },
    sources: stagedSources(prepared.plan, stages, frozen),
    warnings: [...warningsOf(prepared), ...damaged],
    timings: {
      freezeMs: elapsedMs(frozen.from, frozen.to),
      archiveMs: elapsedMs(frozen.to, archivedMs),
      verifyMs: elapsedMs(archivedMs, verifiedMs),
      totalMs: elapsedMs(prepared.createdMs, now()),
    },
  };
}
