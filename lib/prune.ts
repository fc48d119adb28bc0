import { bytesOf, textOf, type Bytes } from "./bytes.js";
import { isOfDisk } from "./errors.js";
import type { OtherFile } from "./inventory.js";
import { judge, type Decided, type Judged, type JudgeNeeds } from "./judge.js";
import { failureOf } from "./report/failure.js";
import type { PrunedArchive, PruneReport } from "./report/prune-report.js";
import type { Surroundings } from "./surroundings.js";
import { unlinkIfThere } from "./unlink-if-there.js";
import { existingDirectories } from "./vault/existing.js";
import { thisProcess } from "./vault/owner.js";
import { orphans, removeArchive } from "./vault/prune.js";
import { syncDirectory } from "./vault/publish.js";
import { assertKeeps, type Dated, type Policy } from "./vault/retention.js";
import { withLock } from "./with-lock.js";

export interface PruneOptions {
  readonly policy: Policy;
  /** The archive directory; undefined means the default ones. */
  readonly output: string | undefined;
  /** How long to wait for another run to finish, in milliseconds. */
  readonly waitMs: number;
}

type Failed = PruneReport["failed"][number];

/**
 * Removes the archives that a policy does not keep.
 * @throws HoldstillError `usage` for an empty policy, `no-archive`, `locked`
 */
export async function prune({ policy, output, waitMs }: PruneOptions, around: Surroundings): Promise<PruneReport> {
  assertKeeps(policy);
  const directories = existingDirectories(output, around);
  const locked = async ([directory, ...others]: readonly string[]): Promise<PruneReport> => {
    if (directory === undefined) return pruneHeld(policy, directories, around);
    return withLock(bytesOf(directory), { me: thisProcess(), waitMs }, around, () => locked(others));
  };
  return locked(directories);
}

/** What `prune` with the same options would do. Writes nothing and takes no lock. */
export async function planPrune({ policy, output }: PruneOptions, around: Surroundings): Promise<PruneReport> {
  assertKeeps(policy);
  const directories = existingDirectories(output, around);
  const judged = await judge(policy, directories, around);
  return reportOf("planned", directories, judged, []);
}

/** Prunes archive directories whose locks the caller holds. What cannot be removed is in the report. */
export async function pruneHeld(
  policy: Policy,
  directories: readonly string[],
  around: JudgeNeeds,
): Promise<PruneReport> {
  const { fs, signal } = around;
  const judged = await judge(policy, directories, around);
  const failed: Failed[] = [];
  const attempt = async (path: Bytes, work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (signal.aborted || !isOfDisk(error)) throw error;
      failed.push({ path: textOf(path), error: failureOf(error) });
    }
  };
  const vault = directories.map(bytesOf);
  try {
    for (const { archive, keep } of judged.decisions) {
      signal.throwIfAborted();
      if (!keep) await attempt(archive.path, () => removeArchive(fs, archive.path, archive.stat));
    }
  } finally {
    for (const directory of vault) await attempt(directory, () => syncDirectory(fs, directory));
  }
  // Last: an archive may come back after a power cut, and would miss them.
  for (const directory of vault) {
    for (const copy of orphans(fs, directory)) await attempt(copy, () => unlinkIfThere(fs, copy));
  }
  return reportOf("pruned", directories, judged, failed);
}

function reportOf(
  outcome: PruneReport["outcome"],
  directories: readonly string[],
  { others, ...decided }: Judged,
  failed: readonly Failed[],
): PruneReport {
  const { kept, removed, groups } = prunedBy(decided, failed, ({ path, stat }) => ({
    archive: textOf(path),
    bytes: stat.size,
  }));
  const of = (status: OtherFile["status"]) =>
    others.filter((other) => other.status === status).map(({ path, reason }) => ({ path, reason }));
  return {
    ...{ outcome, directories, groups, kept, removed, failed },
    ...{ damaged: of("damaged"), notOurs: of("not-ours") },
    freedBytes: removed.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
  };
}

/** What decisions come to, but for what could not be carried out. */
export function prunedBy<T extends Dated>(
  { groups, decisions }: Decided<T>,
  failed: readonly Failed[],
  told: (archive: T) => Pick<PrunedArchive, "archive" | "bytes">,
): Pick<PruneReport, "groups" | "kept" | "removed"> {
  const unremoved = new Set(failed.map(({ path }) => path));
  const kept: PruneReport["kept"][number][] = [];
  const removed: PrunedArchive[] = [];
  for (const decision of decisions) {
    const { createdMs, label } = decision.archive;
    const createdAt = new Date(createdMs).toISOString();
    const { archive, bytes } = told(decision.archive);
    const row = { archive, createdAt, ...(label !== undefined && { label }), bytes, group: decision.group };
    if (decision.keep) kept.push({ ...row, reasons: decision.reasons });
    else if (!unremoved.has(archive)) removed.push(row);
  }
  return { groups, kept, removed };
}
