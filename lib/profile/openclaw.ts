import { posix } from "node:path";
import { HoldstillError } from "../errors.js";
import { agentsOf, environmentOf, type Agents } from "./agents.js";
import { configuration } from "./configuration.js";
import { locate, userPath, type Location, type Place } from "./location.js";
import { PRIVATE_CAPTURE } from "./marker.js";
import { AGENT_RULES, captureRule, STATE_RULES, WORKSPACE_RULES } from "./openclaw-rules.js";
import { literal } from "./pattern.js";
import type { Rule } from "./exclude.js";
import type { Look, ProfilePaths, ProfilePlan, SourcePlan } from "./plan.js";
import { isWithin, sourcesOf, type Candidate } from "./sources.js";

export interface OpenclawOptions {
  readonly onlyConfig: boolean;
  readonly includeWorkspace: boolean;
  /** Whether what can be made again and what is transient is left out. */
  readonly defaultExcludes: boolean;
}

/**
 * What an OpenClaw installation consists of, found as OpenClaw 2026.9 finds it.
 * Fails with `source-missing` where there is no state directory, or no configuration to back up alone.
 */
export function openclaw(options: OpenclawOptions, place: Place, look: Look): ProfilePlan {
  const location = locate(place, look);
  return options.onlyConfig ? configurationAlone(place, location, look) : whole(options, place, location, look);
}

function whole(options: OpenclawOptions, place: Place, location: Location, look: Look): ProfilePlan {
  const { stateDir, configPath, oauthDir } = location;
  const state = look.canonical(stateDir);
  if (look.kind(state) !== "directory") throw missing("OpenClaw state directory", stateDir);
  const config = configuration(configPath, includeRoots(place), look);
  const env = environmentOf(place.env, look.read(posix.join(state, ".env")), config.value);
  const roster = agentsOf(config.value, { ...place, env }, location);
  const workspaces = options.includeWorkspace ? roster.workspaces : [];
  const unwanted = options.includeWorkspace ? [] : roster.workspaces.map(look.canonical);
  const left = unwanted.filter((path) => !isWithin(state, path));
  const rules = (list: readonly Rule[]) => (options.defaultExcludes ? list : []);

  const candidates: Candidate[] = [
    { kind: "state", path: stateDir, rules: [...rules(STATE_RULES), ...without(left, state)] },
    { kind: "config", path: configPath },
    ...config.included.map((path) => ({ kind: "config" as const, path })),
    { kind: "credentials", path: oauthDir },
    ...workspaces.map((path) => ({ kind: "workspace" as const, path, rules: rules(WORKSPACE_RULES) })),
    ...roster.agents.map(({ id, directory }) => {
      const path = look.canonical(directory);
      const own = isWithin(path, state) ? [] : rules(AGENT_RULES);
      return { kind: "agent" as const, path, rules: [...own, ...without(left, path)], agentId: id };
    }),
  ];
  const { sources, skipped } = sourcesOf(candidates, look);
  return {
    profile: "openclaw",
    sources: sources.map((source) => withoutCaptures(source, state)),
    skipped: skipped.filter(({ sourcePath, reason }) => {
      return reason !== "missing" || ![stateDir, state].some((directory) => isWithin(sourcePath, directory));
    }),
    problems: [...config.problems, ...roster.problems, ...unset(place, look)],
    markers: [PRIVATE_CAPTURE],
    paths: paths(location, state, workspaces, roster, look),
    options: { includeWorkspace: options.includeWorkspace, onlyConfig: false },
  };
}

function configurationAlone(place: Place, location: Location, look: Look): ProfilePlan {
  const path = look.canonical(location.configPath);
  if (look.kind(path) !== "file") throw missing("OpenClaw configuration", location.configPath);
  const { included, problems } = configuration(location.configPath, includeRoots(place), look);
  const files = [...new Set([path, ...included])];
  // A configuration that does not parse is wanted as it is; only includes that cannot be followed are missed.
  const hasIncludes = look.read(path)?.includes("$include") === true;
  return {
    profile: "openclaw",
    sources: files.map((file) => ({ path: file, type: "file", kind: "config", rules: [] })),
    skipped: [],
    problems: hasIncludes ? problems : [],
    markers: [],
    paths: paths(location, look.canonical(location.stateDir), [], undefined, look),
    options: { includeWorkspace: false, onlyConfig: true },
  };
}

function includeRoots(place: Place): string[] {
  const roots = place.env["OPENCLAW_INCLUDE_ROOTS"]?.split(":") ?? [];
  return roots.filter((root) => root.trim() !== "").map((root) => userPath(root, place));
}

/** Rules that leave directories out of a source in which they lie. */
function without(directories: readonly string[], root: string): Rule[] {
  const inside = directories.filter((path) => path !== root && isWithin(path, root));
  return inside.map((path) => ({ name: "openclaw:workspace", pattern: `/${literal(posix.relative(root, path))}/` }));
}

function withoutCaptures(source: SourcePlan, state: string): SourcePlan {
  const captures = `${state}.update-captures`;
  if (!isWithin(captures, source.path)) return source;
  const rule = captureRule(`/${literal(posix.relative(source.path, captures))}/`);
  return { ...source, rules: [...source.rules, rule] };
}

/** What was named in the environment and is not there. */
function unset(place: Place, look: Look): string[] {
  return ["OPENCLAW_CONFIG_PATH", "OPENCLAW_OAUTH_DIR"].flatMap((name) => {
    const path = place.env[name]?.trim();
    if (!path || look.kind(userPath(path, place)) !== undefined) return [];
    return [`${name} names ${path}, which does not exist`];
  });
}

/** Upstream's manifest takes each agent and each agent directory once. */
function paths(
  location: Location,
  stateDir: string,
  workspaces: readonly string[],
  roster: Agents | undefined,
  look: Look,
): ProfilePaths {
  const byDirectory = new Map<string, string>();
  for (const { id, directory } of roster?.agents ?? []) {
    const path = look.canonical(directory);
    if (!byDirectory.has(path)) byDirectory.set(path, id);
  }
  return {
    stateDir,
    configPath: location.configPath,
    oauthDir: location.oauthDir,
    workspaceDirs: workspaces,
    agentRoots: [...byDirectory].map(([sourcePath, agentId]) => ({ agentId, sourcePath })),
  };
}

function missing(what: string, path: string): HoldstillError {
  const hint = "Set OPENCLAW_STATE_DIR, or name directories to back up with --source.";
  return new HoldstillError("source-missing", `there is no ${what}`, { path, hint });
}
