import { posix } from "node:path";
import { archiveOrigin } from "./archive-origin.js";
import { namedPath } from "./archive/index.js";
import { bytesOf, escaped, textOf, under, type Bytes } from "./bytes.js";
import { elapsedMs } from "./elapsed.js";
import { HoldstillError, isOfDisk } from "./errors.js";
import { stoppable } from "./filesystem.js";
import { keepYoungSmall, spareMemory } from "./memory.js";
import { findArchive } from "./read-archive.js";
import { failureOf } from "./report/failure.js";
import type { RestoreReport } from "./report/restore-report.js";
import { sizeText } from "./report/size.js";
import { attempts } from "./restore/attempt.js";
import { attributeSetter } from "./restore/attributes.js";
import { chooser, type Patterns } from "./restore/choose.js";
import { dropDeliveries, ownDatabases, type DroppedRows } from "./restore/deliveries.js";
import { directories } from "./restore/directories.js";
import { layout, type Layout } from "./restore/layout.js";
import { livePlace } from "./restore/live-place.js";
import { nextSteps } from "./restore/next-steps.js";
import type { Known, Origin } from "./restore/origin.js";
import { PARTIAL } from "./restore/partial-mark.js";
import { bytesNeeded, planRestore, type RestorePlan } from "./restore/plan.js";
import { treeSync } from "./restore/sync.js";
import { assertOutside } from "./restore/outside.js";
import { assertSameArchive, assertSpace, beginTarget, examine, type Site, type Target } from "./restore/target.js";
import { entryWriter } from "./restore/writer.js";
import type { Surroundings } from "./surroundings.js";
import { thisProcess, type Owner } from "./vault/owner.js";

export interface RestoreOptions extends Patterns {
  readonly archive: string;
  /** A directory that is new or empty, or holds an earlier try of the same restore. */
  readonly target: string;
  /** Leaves out the absolute path that leads to each source. */
  readonly strip: boolean;
  /** Only tells what would be restored. */
  readonly dryRun: boolean;
  /** Keeps leases and pending deliveries in the databases of an OpenClaw state. */
  readonly keepDeliveries: boolean;
  readonly keepSetuid: boolean;
  /** Asked before a partial restore is emptied, strangers' files included; nobody is where it is undefined. */
  readonly confirm?: ((target: string) => Promise<boolean>) | undefined;
}

/** What was asked for, and when. */
interface Asked {
  readonly options: Omit<RestoreOptions, "archive">;
  readonly origin: Origin;
  readonly startedMs: number;
}

interface Prepared extends Asked {
  readonly known: Known;
  readonly layout: Layout;
  readonly plan: RestorePlan;
}

/** What was done. */
interface Done {
  readonly counts: RestoreReport["counts"];
  readonly failed: RestoreReport["failed"];
  readonly withheld: RestoreReport["withheld"];
  /** Of files that are databases, their names in the archive. */
  readonly databases: readonly Bytes[];
  readonly dropped?: DroppedRows;
  readonly outwardLinks: number;
  readonly unchecked: readonly string[];
}

const NOTHING: Omit<Done, "counts"> = {
  ...{ failed: [], withheld: { setuid: 0, owners: 0 }, databases: [], outwardLinks: 0, unchecked: [] },
};

/**
 * Gives an archive back, into a directory of its own. Before anything is written it is known what will be: from the copy
 * of the index beside the archive or, where there is none, from a first reading of the archive, whole. Then the archive
 * is read, and everything in it checked while it is written. Until all of it is on the disk, the directory is marked
 * partial.
 * @throws HoldstillError `no-archive`, `bad-archive`, `output-exists`, `output-unusable`, `no-space`, `usage`
 */
export async function restore(options: RestoreOptions, around: Surroundings): Promise<RestoreReport> {
  const file = findArchive(around.fs, posix.resolve(around.cwd, options.archive));
  return restoreFrom(archiveOrigin(file), options, around);
}

/** The same of an archive wherever it is kept. */
export async function restoreFrom(
  origin: Origin,
  options: Omit<RestoreOptions, "archive">,
  surroundings: Surroundings,
): Promise<RestoreReport> {
  keepYoungSmall();
  const around = { ...surroundings, fs: stoppable(surroundings.fs, surroundings.signal) };
  const asked: Asked = { options, origin, startedMs: around.now() };
  examineTarget(options, around, thisProcess());
  // A dry run is to tell whether the archive is good, too.
  const copy = options.dryRun ? undefined : await origin.announced(around);
  if (copy !== undefined) {
    try {
      return await restoreKnown(asked, copy, around);
    } catch (error) {
      // The copy may be of another archive: what is true, the archive itself has to say.
      if (!(error instanceof HoldstillError) || error.code !== "bad-archive") throw error;
    }
  }
  return restoreKnown(asked, await origin.learn(around), around);
}

function examineTarget({ target }: Asked["options"], { fs, cwd, now }: Surroundings, me: Owner): Site {
  return examine(fs, bytesOf(posix.resolve(cwd, target)), me, now());
}

async function restoreKnown(asked: Asked, known: Known, around: Surroundings): Promise<RestoreReport> {
  const { fs } = around;
  const { options, origin } = asked;
  const me = thisProcess();
  const prepared = prepare(asked, known);
  const { plan } = prepared;
  const site = examineTarget(options, around, me);
  assertOutside(
    site.path,
    known.sources.map(({ path }) => path),
    around,
  );
  assertSameArchive(site, known.digest);
  if (options.dryRun) return report(prepared, site.path, around);
  if (site.state !== "partial") assertSpace(fs, site, bytesNeeded(plan.counts), sizeText);

  await assertConfirmed(options, site);
  const target = beginTarget(fs, site, { archive: origin.shown, digest: known.digest, owner: me });
  try {
    const done = await fill(target, prepared, me, around);
    return report(prepared, site.path, around, done);
  } catch (error) {
    leave(target, around);
    throw error;
  } finally {
    close(target, around);
  }
}

async function assertConfirmed({ confirm }: Asked["options"], { path, state, holds }: Site): Promise<void> {
  if (confirm === undefined || state !== "partial" || holds === 0 || (await confirm(textOf(path)))) return;
  throw new HoldstillError("output-exists", "the partial restore stays as it is", { path: textOf(path) });
}

function liveOf(fs: Surroundings["fs"], path: Bytes) {
  const { aside, ...live } = livePlace(fs, path);
  return { ...live, aside: escaped(aside) };
}

/** As people are shown it. */
function shown(text: string): string {
  return textOf(bytesOf(text));
}

/** Decides what goes where. */
function prepare(asked: Asked, known: Known): Prepared {
  const { options, origin } = asked;
  const { root, sources } = known;
  const { entries } = known.inventory;
  spareMemory(entries.length());
  const laid = layout(root, sources, { strip: options.strip, entries });
  const plan = planRestore(entries, laid, chooser(options, sources));
  const { files: count, directories: directoryCount, symlinks, hardlinks } = plan.counts;
  if (options.include.length > 0 && count + directoryCount + symlinks + hardlinks === 0) {
    throw new HoldstillError("usage", "nothing in the archive matches --include", {
      path: origin.shown,
      hint: "Patterns are those of a .gitignore, from the root of what was backed up.",
    });
  }
  return { ...asked, known, layout: laid, plan };
}

/** Writes what the plan says and puts it on the disk; then, and only then, takes the mark away. */
async function fill(
  target: Target,
  { options, origin, known, plan }: Prepared,
  { pid }: Owner,
  around: Surroundings,
): Promise<Done> {
  const { fs, signal } = around;
  const tries = attempts(target.path);
  const setter = attributeSetter(fs, target, options.keepSetuid);
  const made = directories(fs, target.root);
  const sync = treeSync(fs, target.path);
  const into = { target: target.root, directories: made, attributes: setter, attempts: tries, sync };
  const writer = entryWriter(fs, plan, into);
  let dropped: DroppedRows | undefined;
  let unchecked: readonly string[];
  try {
    unchecked = await origin.read(known, writer, around);
    if (!options.keepDeliveries) {
      const databases = ownDatabases(writer.databases, known.sources, plan.placeOf);
      if (databases.length > 0) {
        dropped = await dropDeliveries(fs, target.root, databases, { attempts: tries, signal, pid });
      }
    }
    signal.throwIfAborted();
    writer.makeLinks();
    made.finish(setter, tries.attempt);
    await sync.finish(writer.written().files);
    signal.throwIfAborted();
    target.complete();
    tries.attempt("." as Bytes, () => made.finishTarget(setter, target.fd));
    await fs.sync(target.fd);
  } finally {
    writer.close();
    made.close();
  }
  return {
    ...{ counts: writer.written(), outwardLinks: writer.outwardLinks() },
    ...{ failed: tries.failed, withheld: setter.withheld, unchecked },
    databases: writer.databases.map(({ name }) => name),
    ...(dropped && { dropped }),
  };
}

/**
 * What is left of a restore that failed. One that was interrupted stays where it is, marked, to be run again; of any
 * other nothing does, least of all on a full disk.
 */
function leave(target: Target, { signal, onEvent }: Pick<Surroundings, "signal" | "onEvent">): void {
  const path = textOf(target.path);
  const partial = `${path} is partial, and says so in ${textOf(PARTIAL)}: restore into it again, or remove it`;
  if (signal.aborted) return onEvent({ type: "warning", message: partial });
  try {
    target.undo();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    onEvent({ type: "warning", message: `${partial} (${reason})` });
  }
}

/** Nothing hangs on it: all is on the disk by then, or the run has failed. */
function close(target: Target, { onEvent }: Pick<Surroundings, "onEvent">): void {
  try {
    target.close();
  } catch (error) {
    if (!isOfDisk(error)) throw error;
    onEvent({ type: "warning", message: failureOf(error).message });
  }
}

function report(
  { options, origin, known, layout: { roots }, plan, startedMs }: Prepared,
  target: Bytes,
  { fs, now }: Pick<Surroundings, "fs" | "now">,
  done: Done = { ...NOTHING, counts: plan.counts },
): RestoreReport {
  const { sources, snapshot, inventory: held } = known;
  const restored = sources.flatMap(({ path, kind }, at) => {
    const root = roots[at];
    if (root === undefined || !plan.sources.has(at)) return [];
    const { to, isFile } = root;
    const databases = done.databases.flatMap((name) => {
      const place = plan.placeOf(name);
      return place?.source === at ? [escaped(under(path, place.path))] : [];
    });
    return [{ kind, isFile, path, source: escaped(path), restored: escaped(under(target, to)), databases }];
  });
  const skipped = [
    ...plan.special.map((name) => ({ name: plan.placeOf(name)?.to ?? name, reason: "no file, directory or link" })),
    ...plan.unplaced.map(({ path }) => ({
      name: path,
      reason: "outside of what was backed up; without --strip it is restored",
    })),
    ...held.strays.map((name) => ({ name, reason: "not in the payload" })),
  ].map(({ name, reason }) => ({ path: textOf(name), ...namedPath(name), reason }));
  return {
    outcome: options.dryRun ? "planned" : "restored",
    ...{ archive: origin.shown, target: textOf(target) },
    ...(snapshot && { id: snapshot.id, createdAt: snapshot.createdAt }),
    complete: done.failed.length === 0 && skipped.length === 0,
    ...{
      counts: done.counts,
      roots: restored.map((root) => ({ kind: root.kind, source: shown(root.source), restored: shown(root.restored) })),
      skipped,
    },
    ...{ failed: done.failed, withheld: done.withheld, ...(done.dropped && { dropped: done.dropped }) },
    ...{ outwardLinks: done.outwardLinks, unchecked: done.unchecked },
    nextSteps: options.dryRun
      ? []
      : nextSteps(
          restored.map((root) => ({ ...root, ...liveOf(fs, root.path) })),
          {
            isOpenClaw: sources.some(({ kind }) => kind === "state"),
            isWhole: options.include.length === 0 && options.exclude.length === 0,
          },
        ),
    timings: { totalMs: elapsedMs(startedMs, now()) },
  };
}
