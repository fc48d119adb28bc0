import { text } from "node:stream/consumers";
import type { Engine } from "./engine/run.js";
import { decide } from "./judge.js";
import { prunedBy } from "./prune.js";
import type { PruneReport } from "./report/prune-report.js";
import { askRestic, repositoryText } from "./restic/run.js";
import { listSnapshots } from "./restic/snapshots.js";
import type { Surroundings } from "./surroundings.js";
import { assertKeeps, type Policy } from "./vault/retention.js";

/** Whether it is to be done or only to be told. */
export type Prunes = "prune" | "plan";

/**
 * Has restic forget the snapshots by holdstill that a policy does not keep, and give their space back.
 * @throws HoldstillError `usage` for an empty policy, and by what restic says
 */
export async function pruneSnapshots(
  restic: Engine,
  policy: Policy,
  prunes: Prunes,
  around: Surroundings,
): Promise<PruneReport> {
  assertKeeps(policy);
  const { own, others } = await listSnapshots(restic, around);
  const dated = own.map((each) => ({ ...each, name: each.snapshot, verified: false }));
  const decided = decide(dated, policy, around.now());
  const gone = decided.decisions.filter(({ keep }) => !keep).map(({ archive }) => archive.snapshot);
  if (gone.length > 0 && prunes === "prune") await askRestic(restic, ["forget", "--prune", ...gone], text, around);
  return {
    outcome: prunes === "prune" ? "pruned" : "planned",
    directories: [repositoryText(restic)],
    ...prunedBy(decided, [], ({ snapshot }) => ({ archive: snapshot, bytes: null })),
    ...{ failed: [], damaged: [] },
    notOurs: others.map((id) => ({ path: id, reason: "a snapshot by another program" })),
    freedBytes: null,
  };
}
