import { posix } from "node:path";
import { parseEnv } from "node:util";
import { isRecord } from "./configuration.js";
import { userPath, type Environment, type Location, type Place } from "./location.js";

export interface Agents {
  readonly workspaces: readonly string[];
  readonly agents: readonly { readonly id: string; readonly directory: string }[];
  readonly problems: readonly string[];
}

type Entry = Record<string, unknown> & { readonly id: string };

/** The agents of a configuration with the directories that OpenClaw 2026.9 gives them. */
export function agentsOf(value: Record<string, unknown>, place: Place, location: Location): Agents {
  const settings = isRecord(value["agents"]) ? value["agents"] : {};
  const entries = roster(settings);
  const problems: string[] = [];

  const path = (setting: unknown, name: string): string | undefined => {
    if (typeof setting !== "string" || setting.trim() === "") return undefined;
    const { text, missing } = expanded(setting, place.env);
    if (missing === undefined) return userPath(text.replaceAll("\0", ""), place);
    return void problems.push(`${name} is ${setting}, and ${missing} is not set`);
  };

  const defaults = isRecord(settings["defaults"]) ? settings["defaults"] : {};
  const shared = path(defaults["workspace"], "agents.defaults.workspace");
  const owner = ownerOf(settings, entries);
  const workspaceOf = ({ id, workspace }: Entry): string => {
    const own = path(workspace, `the workspace of agent ${id}`);
    if (own !== undefined) return own;
    if (id === owner) return shared ?? location.workspaceDir;
    return shared === undefined ? posix.join(location.stateDir, `workspace-${id}`) : posix.join(shared, id);
  };

  const workspaces = entries.map(workspaceOf);
  const agents = entries.map((entry) => ({
    id: entry.id,
    directory:
      path(entry["agentDir"], `the directory of agent ${entry.id}`) ??
      posix.join(location.stateDir, "agents", entry.id, "agent"),
  }));
  const all = shared === undefined ? workspaces : [shared, ...workspaces];
  return { workspaces: [...new Set(all)], agents, problems };
}

/** `agents.entries` by id, or the older `agents.list`; without either, or with none in it, the one agent `main`. */
function roster(settings: Record<string, unknown>): Entry[] {
  const { entries, list } = settings;
  const named: [unknown, unknown][] = isRecord(entries)
    ? Object.entries(entries)
    : Array.isArray(list)
      ? list.map((entry: unknown) => [isRecord(entry) ? entry["id"] : undefined, entry])
      : [];
  const byId = new Map<string, Entry>();
  for (const [name, entry] of named) {
    const id = agentId(name);
    if (isRecord(entry) && !byId.has(id)) byId.set(id, { ...entry, id });
  }
  if (named.length === 0 && settings["ownership"] !== "explicit") return [{ id: "main" }];
  return [...byId.values()];
}

/** The agent to which the default workspace itself belongs; the others have directories in it or beside it. */
function ownerOf(settings: Record<string, unknown>, entries: readonly Entry[]): string | undefined {
  const explicit = settings["ownership"] === "explicit";
  const marked = entries.filter((entry) => entry["default"] === true);
  if (!explicit && marked.length === 1) return marked[0]?.id;
  if (entries.length === 1) return entries[0]?.id;
  const isList = !isRecord(settings["entries"]);
  return isList && settings["ownership"] === undefined && marked.length === 0 ? entries[0]?.id : undefined;
}

/** OpenClaw's canonical form of an agent's id; its manifest takes no other. */
export function agentId(name: unknown): string {
  const text = typeof name === "string" ? name.trim().toLowerCase() : "";
  if (/^[a-z0-9][a-z0-9_-]{0,63}$/.test(text)) return text;
  const mended = text
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);
  return mended === "" ? "main" : mended;
}

/** `${NAME}` becomes what it is in the environment, `$${NAME}` becomes `${NAME}`. */
function expanded(text: string, env: Environment): { readonly text: string; readonly missing?: string } {
  let missing: string | undefined;
  const result = text.replace(/\$(\$?)\{([A-Z_][A-Z0-9_]*)\}/g, (whole, escape: string, name: string) => {
    if (escape !== "") return whole.slice(1);
    const value = env[name];
    if (!value) missing = name;
    return value ?? "";
  });
  return missing === undefined ? { text: result } : { text: result, missing };
}

/** The environment that a configuration is read in: the process', then `.env` of the state, then its own `env`. */
export function environmentOf(
  env: Environment,
  dotEnv: string | undefined,
  value: Record<string, unknown>,
): Environment {
  const own = isRecord(value["env"]) ? value["env"] : {};
  const vars = isRecord(own["vars"]) ? own["vars"] : {};
  const texts = Object.entries({ ...vars, ...own }).filter(
    (pair): pair is [string, string] => typeof pair[1] === "string",
  );
  return { ...Object.fromEntries(texts), ...(dotEnv === undefined ? {} : parseEnv(dotEnv)), ...env };
}
