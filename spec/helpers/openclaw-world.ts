import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free-port.js";
import { openclaw, startGateway, type Gateway, type Place, type Program } from "./openclaw-program.js";
import { startModel, type Model } from "./openclaw-model.js";
import { writeTree } from "./tree.js";

/** An installation with two agents, a gateway and a model, all of it below one directory and on the loopback. */
export interface World extends Place {
  /** Holds all that is alive: the state directory and, beside it, the workspaces and an agent directory. */
  readonly live: string;
  readonly sessionsDir: string;
  readonly memoryDir: string;
  readonly model: Model;
}

/** A session of each kind; turns go on in these and in no others. */
export const SESSIONS = ["agent:main:first", "agent:main:second", "agent:second:first", "agent:second:second"] as const;

const KEYS = 3000;

/** Onboards without a terminal, adds a second agent, and plants what an installation has that is years old. */
export async function makeWorld(program: Program, root: string): Promise<World> {
  const live = join(root, "live");
  const home = join(root, "home");
  const state = join(live, "state");
  const outside = join(live, "outside");
  for (const directory of [home, outside]) mkdirSync(directory, { recursive: true });
  const place = { home, state };

  await openclaw(
    ...[program, place, "onboard", "--non-interactive", "--accept-risk", "--skip-health", "--auth-choice", "skip"],
    ...["--mode", "local", "--gateway-bind", "loopback", "--gateway-port", String(await freePort())],
    ...["--gateway-auth", "token", "--gateway-token", "holdstill", "--workspace", join(outside, "workspace")],
    ...["--no-install-daemon", "--skip-channels", "--skip-search", "--skip-skills", "--skip-hooks", "--skip-ui"],
  );
  await openclaw(
    ...[program, place, "agents", "add", "second", "--non-interactive"],
    ...["--workspace", join(outside, "second-workspace"), "--agent-dir", join(outside, "second-agent")],
  );
  const model = await startModel();
  configure(join(state, "openclaw.json"), model.port, join(home, "gateway.log"));

  const pairs = Array.from({ length: KEYS }, (_, index) => [`pre-key-${index}.json`, `{"keyId":${index}}\n`] as const);
  writeTree(join(state, "credentials/whatsapp/default"), { "creds.json": "{}\n", ...Object.fromEntries(pairs) });
  writeTree(join(outside, "second-agent"), { "notes.json": '{"agent":"second"}\n' });
  writeTree(join(outside, "workspace"), { "notes.tmp": "not to be lost\n", notes: { "today.md": "# today\n" } });
  symlinkSync("notes/today.md", join(outside, "workspace/latest.md"));
  symlinkSync("/etc/hostname", join(outside, "workspace/host"));
  const [sessionsDir, memoryDir] = [join(state, "agents/main/sessions"), join(state, "memory")];
  for (const directory of [sessionsDir, memoryDir]) mkdirSync(directory, { recursive: true });
  return { ...place, live, sessionsDir, memoryDir, model };
}

function configure(path: string, modelPort: number, logFile: string): void {
  const config = JSON.parse(readFileSync(path, "utf8")) as { readonly agents: { readonly defaults: object } };
  const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  const limits = { contextWindow: 100_000, maxTokens: 1000 };
  const stub = {
    ...{ baseUrl: `http://127.0.0.1:${modelPort}/v1`, api: "openai-completions", apiKey: "none" },
    models: [{ id: "stub", name: "stub", input: ["text"], reasoning: false, cost, ...limits }],
  };
  const more = {
    agents: { ...config.agents, defaults: { ...config.agents.defaults, model: { primary: "stub/stub" } } },
    models: { providers: { stub }, catalogRefresh: { enabled: false } },
    update: { checkOnStart: false },
    logging: { file: logFile },
  };
  writeFileSync(path, JSON.stringify({ ...config, ...more }, undefined, 2));
}

/** One turn of a conversation through the gateway. */
export async function turn(program: Program, place: Place, key: string, message: string): Promise<void> {
  const [, agent = ""] = key.split(":");
  const how = ["--agent", agent, "--session-key", key, "--timeout", "120", "--json"];
  await openclaw(program, place, "agent", ...how, "--message", message);
}

/** Turns one after the other, so many at most, until it is stopped. */
export function keepTurning(program: Program, place: Place, most: number): { readonly stop: () => Promise<number> } {
  let stopping = false;
  const turns = (async () => {
    let done = 0;
    for (; done < most && !stopping; done++) {
      await turn(program, place, SESSIONS[done % SESSIONS.length] ?? "", `turn ${done}`);
    }
    return done;
  })();
  // Whoever stops it hears of what went wrong; until then it is no unhandled rejection.
  turns.catch(() => {});
  return {
    stop: () => {
      stopping = true;
      return turns;
    },
  };
}

/** What the gateway lists: key and id of every session. */
export async function listedSessions(program: Program, place: Place): Promise<string[]> {
  const answer = JSON.parse(await openclaw(program, place, "gateway", "call", "sessions.list", "--json")) as {
    readonly sessions: readonly { readonly key: string; readonly sessionId: string }[];
  };
  return answer.sessions.map(({ key, sessionId }) => `${key} ${sessionId}`).sort();
}

export async function isHealthy(program: Program, place: Place): Promise<boolean> {
  const health = JSON.parse(await openclaw(program, place, "health", "--json")) as { readonly ok: boolean };
  return health.ok;
}

/**
 * Makes a restored state one that lives where it lies: its configuration no longer names the places of the original.
 * Then a gateway on it.
 */
export async function startRestored(
  program: Program,
  place: Place,
  moved: { readonly from: string; readonly to: string },
): Promise<Gateway> {
  const path = join(place.state, "openclaw.json");
  writeFileSync(path, readFileSync(path, "utf8").replaceAll(`${moved.from}/`, `${moved.to}/`));
  return startGateway(program, place);
}
