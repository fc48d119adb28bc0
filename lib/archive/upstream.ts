import { posix } from "node:path";
import { isAscii, textOf, type Bytes } from "../bytes.js";
import { isWithin } from "../profile/sources.js";
import type { FrozenEntry } from "../stage/entry.js";
import { linksStayInside } from "./links.js";
import { MAX_MANIFEST, manifestOf, type ManifestFacts } from "./manifest.js";

/** So many reasons are given; one is enough to be refused. */
const MAX_REASONS = 20;

/**
 * Why `openclaw backup verify` of version 2026.9 would refuse the archive, in words; empty where it takes it.
 * What only the rows of databases can tell, such as whose agent one says it is, is not among them.
 */
export function upstreamProblems(facts: ManifestFacts): string[] {
  const { plan, entries } = facts;
  const reasons = [...sourceProblems(plan.sources.map(({ path }) => path)), ...manifestProblems(facts)];
  let more = 0;
  for (const reason of entryProblems(facts, entries)) {
    if (reasons.length < MAX_REASONS) reasons.push(reason);
    else more++;
  }
  return more === 0 ? reasons : [...reasons, `and ${more} more`];
}

function manifestProblems(facts: ManifestFacts): string[] {
  const manifest = manifestOf(facts);
  if (Buffer.byteLength(manifest) > MAX_MANIFEST) return ["The manifest is larger than 1 MiB"];
  const isListed = manifest.includes('"externalSymbolicLinks":');
  if (isListed || linksStayInside(facts.entries, facts.plan.sources, facts.root)) return [];
  return ["The symbolic links that leave the state directory are too many for the manifest"];
}

/** OpenClaw compares whole paths; parents of sources are not in the archive, so that sources are compared apart. */
function sourceProblems(paths: readonly string[]): string[] {
  return paths.flatMap((path, index) =>
    paths
      .slice(index + 1)
      .filter((other) => overlap(folded(path), folded(other)) && !overlap(path, other))
      .map((other) => `The paths ${path} and ${other} overlap but for case`),
  );
}

function overlap(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

const SIDECARS = ["-wal", "-shm", "-journal"];

function* entryProblems({ plan }: ManifestFacts, entries: readonly FrozenEntry[]): Generator<string> {
  const seen = plan.sources.map(() => new Map<string, Bytes>());
  const ambiguous = ambiguousNames(plan.sources.length, entries);
  const stateDir = plan.paths?.stateDir ?? plan.sources[0]?.path ?? "/";
  const databases = plan.sources.map(({ path }) => posix.relative(path, posix.join(stateDir, "state/openclaw.sqlite")));
  for (const entry of entries) {
    if (entry.type === "skip") continue;
    const { path, source } = entry;
    const name = textOf(path);
    if (name.includes("\\")) yield `The name ${name} has a backslash`;
    if (name.includes("\n")) yield `The name ${JSON.stringify(name)} has a line break`;
    if (entry.type === "symlink" && entry.target.includes("\n")) yield `The target of ${name} has a line break`;
    const database = databases[source] ?? "";
    if (name === database) yield* databaseProblems(name, entry);
    if (name.startsWith(database) && SIDECARS.includes(name.slice(database.length))) {
      yield `${name} lies beside its database`;
    }
    const key = folded(name);
    if (!ambiguous[source]?.has(key)) continue;
    const first = seen[source]?.get(key);
    if (first === undefined) seen[source]?.set(key, path);
    else yield `The names ${textOf(first)} and ${name} are one to a system that ignores case`;
  }
}

function* databaseProblems(name: string, entry: FrozenEntry): Generator<string> {
  if (entry.type !== "file" || entry.method !== "database") {
    yield `${name} was not taken as a database`;
    return;
  }
  const { integrity = "ok", foreignKeys } = entry.database ?? {};
  if (integrity !== "ok") {
    yield "problems" in integrity
      ? `${name} is damaged: ${integrity.problems}`
      : `${name} could not be checked: ${integrity.unchecked}`;
  }
  if (foreignKeys === "violated") yield `${name} has rows that refer to rows that are not there`;
}

/** Of each source the folded names that may stand for two: one of the two is not spelled like that. */
function ambiguousNames(sources: number, entries: readonly FrozenEntry[]): readonly ReadonlySet<string>[] {
  const found = Array.from({ length: sources }, () => new Set<string>());
  for (const { type, path, source } of entries) {
    if (type === "skip") continue;
    const name = textOf(path);
    const key = folded(name);
    if (key !== path) found[source]?.add(key);
  }
  return found;
}

function folded(text: string): string {
  return (isAscii(text) ? text : text.normalize("NFC")).toLowerCase();
}
