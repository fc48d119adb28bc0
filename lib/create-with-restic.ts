import { text } from "node:stream/consumers";
import { checkedLabel } from "./archive/name.js";
import type { ResticDestination } from "./destination.js";
import { byLine, runEngine, type Engine } from "./engine/run.js";
import type { CreateOptions } from "./prepare.js";
import { pruneSnapshots } from "./prune-snapshots.js";
import type { Pruned } from "./report/create-report.js";
import { failureOf } from "./report/failure.js";
import type { ResticReport } from "./report/restic-report.js";
import { resticFailure } from "./restic/failure.js";
import { parseMessage, type ResticSummary } from "./restic/messages.js";
import { askRestic, findRestic, repositoryText } from "./restic/run.js";
import { listSnapshots } from "./restic/snapshots.js";
import { INCOMPLETE_TAG, tagsOf } from "./restic/tags.js";
import { stagedReport } from "./staged-report.js";
import { withStaged, type Staged, type StagedOptions } from "./staged.js";
import type { Surroundings } from "./surroundings.js";
import { thisProcess } from "./vault/owner.js";
import { assertKeeps, type Policy } from "./vault/retention.js";

/** The snapshot was made, and not everything could be read. */
const INCOMPLETE = 3;

/**
 * Freezes the sources and has restic store what they were, with the index beside the tree.
 * @throws HoldstillError `wrong-key`, `locked`, `no-space`, `output-unusable` by what restic says of its repository
 */
export async function createWithRestic(
  options: StagedOptions & Pick<CreateOptions, "retention">,
  destination: ResticDestination,
  around: Surroundings,
): Promise<ResticReport> {
  const { retention } = options;
  if (retention !== undefined) assertKeeps(retention);
  const label = options.label === undefined ? undefined : checkedLabel(options.label);
  const restic = findRestic(around, destination.repository);
  // Before anything is frozen: whether there is a repository that this password opens.
  await askRestic(restic, ["cat", "config", "--no-lock"], text, around);
  const stored = await withStaged(options, around, async (staged) => {
    const { summary, complete } = await store(restic, staged, label, around);
    const usedMs = around.now();
    const report = stagedReport(staged, staged.changed(), { usedMs, nowMs: around.now() });
    const { snapshot, ...counted } = summary;
    return {
      outcome: "published" as const,
      destination: repositoryText(restic),
      snapshot,
      restic: counted,
      ...report,
      complete: report.complete && complete,
    };
  });
  const report = stored.complete ? stored : { ...stored, snapshot: await tagIncomplete(restic, stored, around) };
  return retention === undefined ? report : { ...report, pruned: await retain(restic, retention, report, around) };
}

/** A snapshot that was stored is one, whatever becomes of those before it. */
async function retain(
  restic: Engine,
  policy: Policy,
  { complete }: Pick<ResticReport, "complete">,
  around: Surroundings,
): Promise<Pruned> {
  if (!complete) return { outcome: "skipped", reason: "the new snapshot is incomplete" };
  try {
    return await pruneSnapshots(restic, policy, "prune", around);
  } catch (error) {
    around.signal.throwIfAborted();
    return { outcome: "failed", error: failureOf(error) };
  }
}

/** What is incomplete must not count as the newest complete one. restic gives it another id for that. */
async function tagIncomplete(restic: Engine, { snapshot, id }: ResticReport, around: Surroundings): Promise<string> {
  await askRestic(restic, ["tag", "--add", INCOMPLETE_TAG, snapshot], text, around);
  const { own } = await listSnapshots(restic, around);
  return own.find((each) => each.id === id)?.snapshot ?? snapshot;
}

async function store(
  restic: Engine,
  { prepared, trees, index, manifest, totals }: Staged,
  label: string | undefined,
  around: Surroundings,
): Promise<{ readonly summary: ResticSummary; readonly complete: boolean }> {
  const { onEvent, env } = around;
  const { counts } = totals;
  const { id, plan } = prepared;
  const sources = plan.sources.map(({ path }) => path);
  const tags = tagsOf({ id, profile: plan.profile, label, sources, files: counts.files, bytes: counts.bytes });
  const args = [
    ...["backup", "--json", "--host", env["RESTIC_HOST"] || thisProcess().hostname],
    ...tags.flatMap((tag) => ["--tag", tag]),
    // Links move the ctime of live files, and copies have another inode in every run: size and mtime tell.
    ...["--ignore-ctime", "--ignore-inode"],
    ...["--", ...trees, index, manifest],
  ];
  let summary: ResticSummary | undefined;
  onEvent({ type: "phase", phase: "store", totalFiles: counts.files, totalBytes: counts.bytes });
  const take = byLine((line) => {
    const message = parseMessage(line);
    if (message?.type === "status") onEvent({ type: "progress", files: message.files, bytes: message.bytes });
    if (message?.type === "summary") ({ summary } = message);
  });
  const { exitCode, said } = await runEngine(restic, args, { take }, around);
  if ((exitCode !== 0 && exitCode !== INCOMPLETE) || !summary) throw resticFailure(exitCode, said);
  return { summary, complete: exitCode === 0 };
}
