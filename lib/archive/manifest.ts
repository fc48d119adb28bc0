import type { ProfilePlan } from "../profile/plan.js";
import type { FrozenEntry } from "../stage/entry.js";
import { externalLinks, payloadPath } from "./links.js";

export interface ManifestFacts {
  readonly plan: ProfilePlan;
  /** The one directory at the top of the archive. */
  readonly root: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** The program and its version, the platform and Node's version, as their own tools name them. */
  readonly runtimeVersion: string;
  readonly platform: string;
  readonly nodeVersion: string;
  /** All that was frozen, in any order. */
  readonly entries: readonly FrozenEntry[];
  /** What is told under the key `holdstill`, which OpenClaw ignores. */
  readonly holdstill: Readonly<Record<string, unknown>>;
}

/** OpenClaw reads no larger manifest, nor do we. In bytes. */
export const MAX_MANIFEST = 1024 * 1024;

/**
 * The text of `manifest.json`: schema 1 of `openclaw backup`, as OpenClaw 2026.9 writes and verifies it. A source
 * of which nothing is in the archive is no asset, since OpenClaw would look for it. Where the list of links makes
 * the manifest too large, the list is left out: then OpenClaw takes only links that stay inside an asset.
 */
export function manifestOf(facts: ManifestFacts): string {
  const manifest = withoutLinks(facts);
  const { plan, root, entries } = facts;
  const stateDir = pathsOf(plan).stateDir ?? "/";
  const complete = { ...manifest, externalSymbolicLinks: externalLinks(entries, plan.sources, stateDir, root) };
  const candidates = [JSON.stringify(complete, null, 2), JSON.stringify(complete)];
  const text = candidates.find((candidate) => Buffer.byteLength(candidate) < MAX_MANIFEST) ?? JSON.stringify(manifest);
  return `${text}\n`;
}

function withoutLinks({ plan, root, entries, holdstill, ...made }: ManifestFacts) {
  const present = new Set<number>();
  for (const entry of entries) if (entry.type !== "skip") present.add(entry.source);
  return {
    schemaVersion: 1,
    archiveRoot: root,
    ...made,
    options: plan.options,
    paths: pathsOf(plan),
    assets: plan.sources
      .filter((_, index) => present.has(index))
      .map(({ kind, path }) => ({ kind, sourcePath: path, archivePath: payloadPath(root, path) })),
    skipped: plan.skipped,
    holdstill,
  };
}

/** OpenClaw judges links by the state directory, even where there is none: then by the first source. */
function pathsOf({ paths, sources, options }: ProfilePlan) {
  if (paths === undefined) return { stateDir: sources[0]?.path };
  return options.onlyConfig ? { ...paths, agentRoots: undefined } : paths;
}
