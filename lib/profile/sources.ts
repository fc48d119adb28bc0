import { posix } from "node:path";
import { bytesOf } from "../bytes.js";
import { excluder, type Rule } from "./exclude.js";
import { anchoredBelow } from "./pattern.js";
import type { Look, SkippedSource, SourceKind, SourcePlan } from "./plan.js";

/** Something that is to be backed up, wherever it lies. */
export interface Candidate {
  readonly kind: SourceKind;
  readonly path: string;
  /** What to leave out of it, by patterns whose root it is. */
  readonly rules?: readonly Rule[];
  readonly agentId?: string;
}

export interface Sources {
  readonly sources: readonly SourcePlan[];
  readonly skipped: readonly SkippedSource[];
}

const PRIORITY: Record<SourceKind, number> = { state: 0, config: 1, credentials: 2, workspace: 3, agent: 4 };

type Found = Candidate & { readonly type: "directory" | "file" };

/**
 * The sources that candidates come to. One that lies inside another is no source of its own, and its rules become
 * rules of the other, after those of what lies around it; unless the other's rules leave it out: then it is kept
 * as a source, so that a workspace inside a cache is not lost with the cache.
 */
export function sourcesOf(candidates: readonly Candidate[], look: Look): Sources {
  const skipped: SkippedSource[] = [];
  const sources: SourcePlan[] = [];
  for (const candidate of found(candidates, look, skipped)) {
    const outer = sources.findIndex((source) => covers(source, candidate));
    const around = sources[outer];
    if (around === undefined) {
      sources.push({ ...candidate, rules: candidate.rules ?? [] });
      continue;
    }
    sources[outer] = { ...around, rules: [...around.rules, ...carried(candidate, around.path)] };
    skipped.push({ ...named(candidate), reason: "covered", coveredBy: around.path });
  }
  return { sources: sources.sort(byKind), skipped };
}

/** What exists of the candidates, by depth, each path once. */
function found(candidates: readonly Candidate[], look: Look, skipped: SkippedSource[]): Found[] {
  const byPath = new Map<string, Found>();
  const ordered = [...candidates].sort(byKind);
  for (const candidate of ordered) {
    const path = look.canonical(candidate.path);
    const type = look.kind(path);
    if (type === undefined || type === "special") {
      skipped.push({ ...named(candidate), reason: type ?? "missing" });
    } else if (!byPath.has(path)) {
      byPath.set(path, { ...candidate, path, type });
    }
  }
  return [...byPath.values()].sort((a, b) => a.path.length - b.path.length || byKind(a, b));
}

function byKind(a: Candidate, b: Candidate): number {
  return PRIORITY[a.kind] - PRIORITY[b.kind];
}

function covers(source: SourcePlan, candidate: Found): boolean {
  if (!isWithin(candidate.path, source.path)) return false;
  const parts = posix.relative(source.path, candidate.path).split("/");
  const { rule } = excluder(source.rules, []);
  return parts.every((_, index) => {
    const isLast = index === parts.length - 1;
    const path = bytesOf(parts.slice(0, index + 1).join("/"));
    return rule(path, isLast ? candidate.type : "directory") === undefined;
  });
}

function carried(candidate: Found, root: string): Rule[] {
  const directory = posix.relative(root, candidate.path);
  const rules = candidate.rules ?? [];
  return rules.map((rule) => ({ ...rule, pattern: anchoredBelow(directory, rule.pattern) }));
}

function named({ kind, path }: Candidate): Pick<SkippedSource, "kind" | "sourcePath"> {
  return { kind, sourcePath: path };
}

/** Whether a path is another or lies below it; both absolute and normalized. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}
