import { bytesOf } from "./bytes.js";
import { neededArchives } from "./guard/needed.js";
import { inventory, type OtherFile, type OwnArchive } from "./inventory.js";
import type { ReadNeeds } from "./read-archive.js";
import type { PruneGroup } from "./report/prune-report.js";
import type { Surroundings } from "./surroundings.js";
import { applyPolicy, type Dated, type Decision, type Policy } from "./vault/retention.js";
import type { Offset } from "./vault/span.js";

export type JudgeNeeds = ReadNeeds & Pick<Surroundings, "now">;

export interface Decided<T> {
  readonly groups: readonly PruneGroup[];
  /** The oldest first. */
  readonly decisions: readonly (Decision<T> & { readonly group: number })[];
}

export interface Judged extends Decided<OwnArchive> {
  readonly others: readonly OtherFile[];
}

/** Looks at what there is, and applies a policy to the archives of each group. Changes nothing. */
export async function judge(policy: Policy, directories: readonly string[], around: JudgeNeeds): Promise<Judged> {
  const own: OwnArchive[] = [];
  const others: OtherFile[] = [];
  const needed = new Set<OwnArchive>();
  for (const directory of directories) {
    const isNeeded = neededArchives(around.fs, bytesOf(directory));
    for (const found of await inventory(bytesOf(directory), around)) {
      if (found.status !== "own") others.push(found);
      else {
        own.push(found);
        if (isNeeded(found)) needed.add(found);
      }
    }
  }
  const { groups, decisions } = decide(own, policy, around.now());
  return {
    ...{ groups, others },
    decisions: decisions.map((decision) =>
      needed.has(decision.archive) ? { ...decision, ...kept(decision) } : decision,
    ),
  };
}

/** Applies a policy to the archives of each group. `now` is in milliseconds of the epoch. */
export function decide<T extends Dated & PruneGroup>(archives: readonly T[], policy: Policy, now: number): Decided<T> {
  const groups = groupsOf(archives);
  return {
    groups: groups.map(({ group }) => group),
    decisions: groups.flatMap(({ archives }, group) =>
      applyPolicy(archives, policy, { now, offset: localOffset })
        .map((decision) => ({ ...decision, group }))
        .reverse(),
    ),
  };
}

/** Whatever the policy says: without it a guarded command could not go back. */
function kept(decision: Decision<OwnArchive>): Decision<OwnArchive> {
  const { archive } = decision;
  return { archive, keep: true, reasons: [...(decision.keep ? decision.reasons : []), "needed by guard resume"] };
}

/** Days and hours are those of this machine's clock. */
const localOffset: Offset = (ms) => -new Date(ms).getTimezoneOffset();

interface Group<T> {
  readonly group: PruneGroup;
  readonly archives: T[];
}

/** As restic does: two machines or two sources that share a directory do not count against each other. */
function groupsOf<T extends PruneGroup>(archives: readonly T[]): Group<T>[] {
  const groups = new Map<string, Group<T>>();
  for (const archive of archives) {
    const { profile, host, sources } = archive;
    const key = JSON.stringify([profile, host, sources]);
    const found = groups.get(key);
    if (found) found.archives.push(archive);
    else groups.set(key, { group: { profile, host, sources }, archives: [archive] });
  }
  return [...groups.values()];
}
