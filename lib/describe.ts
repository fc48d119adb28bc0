import { manifestOf, type ManifestFacts } from "./archive/manifest.js";
import { namedPath, type SnapshotLine } from "./archive/index.js";
import { upstreamProblems } from "./archive/upstream.js";
import { elapsedMs } from "./elapsed.js";
import type { CreateOptions, Prepared } from "./prepare.js";
import type { ProfilePlan } from "./profile/plan.js";
import type { CreateReport } from "./report/create-report.js";
import type { Frozen } from "./stage/freeze.js";
import type { Stage } from "./stage/place.js";
import type { Owner } from "./vault/owner.js";
import { NODE_VERSION, PLATFORM, VERSION } from "./version.js";

/** What an archive says of itself. */
export interface Description {
  /** The text of `manifest.json`. */
  readonly manifest: string;
  /** The first line of the index. */
  readonly snapshot: Omit<SnapshotLine, "manifestSha256">;
  /** Whether OpenClaw's own `backup verify` takes it. */
  readonly upstream: CreateReport["upstream"];
}

export function describe(
  options: Pick<CreateOptions, "strategy" | "label">,
  prepared: Pick<Prepared, "id" | "plan" | "root" | "createdMs" | "sources">,
  frozen: Frozen,
  me: Owner,
): Description {
  const { id, plan, root, createdMs, sources } = prepared;
  const createdAt = new Date(createdMs).toISOString();
  const tool = `holdstill ${VERSION}`;
  const facts: ManifestFacts = {
    ...{ plan, root, createdAt, entries: frozen.entries },
    ...{ runtimeVersion: tool, platform: PLATFORM, nodeVersion: NODE_VERSION },
    holdstill: { schema: 1, id, version: VERSION, index: `${root}/holdstill/index.jsonl` },
  };
  const reasons = upstreamProblems(facts);
  return {
    manifest: manifestOf(facts),
    snapshot: {
      ...{ type: "snapshot", schema: 1, id, tool, createdAt, host: me.hostname, profile: plan.profile, root },
      sources: sources.map(({ path }, index) => ({
        ...namedPath(path),
        kind: plan.sources[index]?.kind ?? "workspace",
        method: frozen.methods[index] ?? "copy",
      })),
      frozen: windowOf(frozen),
      strategy: options.strategy,
      ...(options.label !== undefined && { label: options.label }),
      settled: frozen.settled,
      settlePasses: frozen.passes,
      problems: plan.problems,
    },
    upstream: { verifiable: reasons.length === 0, reasons },
  };
}

/** The freeze window, for index and report. */
export function windowOf({ from, to, databaseSkewMs }: Omit<Frozen, "entries">): CreateReport["frozen"] {
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    ms: elapsedMs(from, to),
    ...(databaseSkewMs !== undefined && { databaseSkewMs: Math.round(databaseSkewMs * 1000) / 1000 }),
  };
}

/** Where each source was frozen, and how. */
export function stagedSources(
  { sources }: ProfilePlan,
  stages: readonly Stage[],
  { methods }: Omit<Frozen, "entries">,
): CreateReport["sources"] {
  return stages.map((stage, index) => ({
    path: sources[index]?.path ?? "",
    stage: stage.placement,
    method: methods[index] ?? "copy",
  }));
}
