import type { Engine } from "./engine/run.js";
import { isOfDisk } from "./errors.js";
import { summarisedFacts } from "./facts.js";
import { decide } from "./judge.js";
import { lookInto, type RemoteContent } from "./look-into-remote.js";
import { prunedBy } from "./prune.js";
import type { Prunes } from "./prune-snapshots.js";
import { isPartial } from "./rclone/archives.js";
import { removeCatalogs } from "./rclone/catalog.js";
import { removeFile } from "./rclone/upload.js";
import { failureOf } from "./report/failure.js";
import type { PruneReport } from "./report/prune-report.js";
import type { Surroundings } from "./surroundings.js";
import { assertKeeps, type Policy } from "./vault/retention.js";

/**
 * Removes the archives on a remote that a policy does not keep. What cannot be removed is in the report.
 * @throws HoldstillError `usage` for an empty policy, and by what rclone says
 */
export async function pruneRemote(
  rclone: Engine,
  shown: string,
  policy: Policy,
  prunes: Prunes,
  around: Surroundings,
): Promise<PruneReport> {
  assertKeeps(policy);
  const content = await lookInto(rclone, shown, around);
  const own = content.archives.flatMap(({ name, size, summary }) => {
    const facts = summary && summarisedFacts(summary);
    return facts === undefined ? [] : [{ name, size, ...facts }];
  });
  const decided = decide(own, policy, around.now());
  const gone = decided.decisions.filter(({ keep }) => !keep).map(({ archive }) => archive.name);
  const pathOf = (name: string): string => `${shown}/${name}`;
  const failed = prunes === "plan" ? [] : await removeAll(rclone, gone, pathOf, around);
  const { groups, kept, removed } = prunedBy(decided, failed, ({ name, size }) => ({
    ...{ archive: pathOf(name), bytes: size },
  }));
  return {
    outcome: prunes === "plan" ? "planned" : "pruned",
    ...{ directories: [shown], groups, kept, removed, failed, damaged: [] },
    notOurs: others(content, own).map(({ name, reason }) => ({ path: pathOf(name), reason })),
    freedBytes: removed.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
  };
}

async function removeAll(
  rclone: Engine,
  names: readonly string[],
  pathOf: (name: string) => string,
  around: Surroundings,
): Promise<PruneReport["failed"]> {
  const failed: PruneReport["failed"][number][] = [];
  const removed: string[] = [];
  for (const name of names) {
    around.signal.throwIfAborted();
    try {
      await removeFile(rclone, name, around);
      removed.push(name);
    } catch (error) {
      if (around.signal.aborted || !isOfDisk(error)) throw error;
      failed.push({ path: pathOf(name), error: failureOf(error) });
    }
  }
  if (removed.length > 0) await removeCatalogs(rclone, removed, around);
  return failed;
}

function others({ files }: RemoteContent, own: readonly { readonly name: string }[]) {
  const known = new Set(own.map(({ name }) => name));
  return files
    .filter(({ name }) => !known.has(name))
    .map(({ name }) => ({
      name,
      reason: isPartial(name) ? "an upload that is at work, or was cut off" : "the catalog there says nothing of it",
    }));
}
