import { posix } from "node:path";
import { stampOf } from "./archive/name.js";
import { escaped, parentOf, textOf, type Bytes } from "./bytes.js";
import { HoldstillError } from "./errors.js";
import { contentsOf, type Contents } from "./guard/contents.js";
import { findPlaces } from "./guard/find-places.js";
import { letGo } from "./guard/finish.js";
import { fromArchive } from "./guard/index-lines.js";
import { reserve, save } from "./guard/journal-file.js";
import type { Journal } from "./guard/journal.js";
import { leadsTo } from "./guard/links.js";
import { assertFinished, withGuardLock } from "./guard/lock.js";
import { assertRoom } from "./guard/room.js";
import { mountedFor } from "./guard/mounted.js";
import { isWithin, mountsOf } from "./guard/mounts.js";
import { goBack } from "./guard/return.js";
import type { GuardSurroundings, Work } from "./guard/work.js";
import { tellMoved } from "./guard/where-live.js";
import { workspacesIn } from "./guard/workspaces.js";
import { findArchive } from "./read-archive.js";
import type { RollbackPlan, RollbackReport } from "./report/guard-report.js";

export type { RollbackPlan, RollbackReport } from "./report/guard-report.js";

export interface RollbackOptions {
  readonly archive: string;
  readonly includeWorkspace: boolean;
  readonly stop: string | undefined;
  readonly start: string | undefined;
  readonly graceMs: number;
  /** Asked when the archive was found good, and before anything is changed. */
  readonly confirm: (plan: RollbackPlan) => Promise<boolean>;
}

/**
 * Puts the state back as an archive holds it, by the same steps as a guarded command that failed. What is live now stays
 * beside it.
 * @throws HoldstillError where nothing was begun
 */
export async function rollback(options: RollbackOptions, around: GuardSurroundings): Promise<RollbackReport> {
  const { path } = findArchive(around.fs, posix.resolve(around.cwd, options.archive));
  const archive = escaped(path);
  const mounts = mountsOf(around.fs, around.pid);
  const points = new Set(mounts.map(({ point }) => point));
  const contents = await fromArchive(
    archive,
    around,
    contentsOf(points, (recorded) => leadsTo(around.fs, recorded)),
  );
  tellMoved(around, contents);
  const workspaces = await workspacesIn(archive, around);
  const work: Work = { ...around, archives: parentOf(path) };
  const { includeWorkspace } = options;
  const id = stampOf(around.now());
  const places = findPlaces(work, contents, { id, includeWorkspace, workspaces });
  assertOutside(work, path, places);
  const plan = planOf(archive, contents, places);
  if (!(await options.confirm(plan))) return plan;
  return withGuardLock(work, async (take) => {
    assertFinished(work);
    assertRoom(work.fs, places, contents);
    await reserve(work.fs, work.archives);
    const { profile } = contents.snapshot;
    const journal = begun(options, { id, archive, profile, places, mounts: mountedFor(mounts, places) });
    try {
      await take(journal);
      await save(work.fs, work.archives, journal);
    } catch (error) {
      await letGo(work, { ...journal, places: [] });
      throw error;
    }
    const done = await goBack(work, journal);
    return { outcome: done.ok ? "rolled-back" : "rollback-failed", archive, rollback: done };
  });
}

/** The archive and the journal must stay where they are while the state is exchanged. */
function assertOutside({ fs }: Work, archive: Bytes, places: Journal["places"]): void {
  const real = fs.realpath(parentOf(archive) || ("/" as Bytes));
  const holding = places.find(({ live }) => isWithin(real, live));
  if (holding === undefined) return;
  throw new HoldstillError("output-unusable", `the archive lies in what it would put back: ${textOf(holding.live)}`, {
    path: textOf(archive),
    hint: "Copy it to a directory outside of that, and put it back from there.",
  });
}

function begun(
  { stop, start, graceMs, includeWorkspace }: RollbackOptions,
  known: Pick<Journal, "id" | "archive" | "profile" | "places" | "mounts">,
): Journal {
  return {
    ...known,
    mark: known.id,
    ...{ kind: "rollback", phase: "failed", command: [], version: undefined, rollbackIsProposed: false },
    actions: { stop, start, probe: undefined, rollback: undefined },
    ...{ probeMs: 0, probeEveryMs: 0, graceMs, includeWorkspace, links: [], moves: [] },
    roots: known.places.filter(({ within }) => within === ".").map(({ live }) => live),
  };
}

function planOf(archive: string, { snapshot, sources }: Contents, places: Journal["places"]): RollbackPlan {
  const returning = places.map(({ live, failed, how }) => ({ path: textOf(live), failed: textOf(failed), how }));
  const indexes = new Set(places.map(({ source }) => source));
  const chosen = sources.filter((_, index) => indexes.has(index));
  const sum = (of: (source: Contents["sources"][number]) => number): number =>
    chosen.reduce((total, source) => total + of(source), 0);
  return {
    outcome: "planned",
    ...{ archive, createdAt: snapshot.createdAt, places: returning },
    ...{ files: sum(({ files }) => files), bytes: sum(({ bytes }) => bytes) },
    carried: sum(({ left }) => left.length) + places.flatMap(({ omitted }) => omitted).length,
  };
}
