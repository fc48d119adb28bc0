import type { ArchivedSource } from "../archive/check.js";
import { nameOf, textOf, type Bytes } from "../bytes.js";
import type { Kind } from "../filesystem.js";
import { excluder, type Excluder } from "../profile/exclude.js";
import type { Place } from "./layout.js";

export interface Patterns {
  /** In the syntax of gitignore, from the root of a source; or absolute, by where a file was. Empty for everything. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Whether something is to be restored. */
export type Chooser = (place: Place, kind: Kind) => boolean;

/** What a pattern matches is chosen with all below it. Excluding has the last word. */
export function chooser({ include, exclude }: Patterns, sources: readonly ArchivedSource[]): Chooser {
  if (include.length === 0 && exclude.length === 0) return () => true;
  const included = matchers(include, sources);
  const excluded = matchers(exclude, sources);
  return (place, kind) => {
    if (exclude.length > 0 && excluded(place, kind)) return false;
    return include.length === 0 || included(place, kind);
  };
}

function matchers(patterns: readonly string[], sources: readonly ArchivedSource[]): Chooser {
  const known = sources.map(({ path }) => ({ path, rules: rulesFor(patterns, textOf(path)) }));
  const unknown = rulesFor(patterns, "/");
  return ({ source, path }, kind) => {
    const { path: root, rules } = (source === undefined ? undefined : known[source]) ?? { path: "/", rules: unknown };
    if (rules === "all") return true;
    // A source that is a file goes by its name; one that is a directory is no name below itself.
    if (path !== ".") return rules.rule(path, kind) !== undefined;
    return kind !== "directory" && rules.rule(nameOf(root as Bytes), kind) !== undefined;
  };
}

/** Patterns as they hold for one source; `all` where an absolute one takes it whole. */
function rulesFor(patterns: readonly string[], source: string): Excluder | "all" {
  const root = source === "/" ? "/" : `${source}/`;
  const own: string[] = [];
  for (const pattern of patterns) {
    const absolute = pattern.startsWith("/") ? pattern.replace(/\/+$/, "") : undefined;
    if (absolute !== undefined && (absolute === source || root.startsWith(`${absolute}/`))) return "all";
    own.push(absolute !== undefined && absolute.startsWith(root) ? pattern.slice(root.length - 1) : pattern);
  }
  return excluder(
    [],
    own.map((pattern) => ({ name: pattern, pattern })),
  );
}
