import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Context } from "mocha";
import { skip } from "./mounts.js";

/** An OpenClaw that is installed, and the Node it runs under. */
export interface Program {
  readonly node: string;
  readonly openclaw: string;
}

/** Whose state it works on. */
export interface Place {
  /** Exists; nothing outside it and the state directory is written. */
  readonly home: string;
  readonly state: string;
}

export interface Ended {
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
}

export interface Gateway {
  /** Ends it as its supervisor would, and whatever of it is left after that. */
  readonly stop: () => Promise<void>;
}

const SCRIPTS = fileURLToPath(new URL("../../../scripts/", import.meta.url));

/** How long one command may take, on a machine that has other things to do. In ms. */
const PATIENCE = 180_000;

/** Installs OpenClaw if it is not there; where that is impossible the asking hook or spec is skipped, and says why. */
export function installed(asking: Context): Program {
  const [node, openclaw] = ["node24.sh", "openclaw.sh"].map((script) => {
    const { status, stdout, stderr } = spawnSync(join(SCRIPTS, script), { encoding: "utf8" });
    return status === 0 ? stdout.trim() : skip(asking, `${script}: ${stderr.trim()}`);
  }) as [string, string];
  return { node, openclaw };
}

/** What its processes are told of the world: no more than this, so that nothing of the user's own is touched. */
export function environment({ home, state }: Place): NodeJS.ProcessEnv {
  const TMPDIR = join(home, "tmp");
  mkdirSync(TMPDIR, { recursive: true });
  return {
    ...{ PATH: process.env["PATH"], HOME: home, TMPDIR, OPENCLAW_STATE_DIR: state, LC_ALL: "C", NO_COLOR: "1" },
    // No process but the one that is started, and no network but the loopback.
    ...{ OPENCLAW_NO_RESPAWN: "1", OPENCLAW_NO_AUTO_UPDATE: "1", OPENCLAW_DISABLE_BONJOUR: "1" },
  };
}

export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 256 << 20, env, timeout: PATIENCE, killSignal: "SIGKILL" } as const;
    execFile(program, args, options, (error, out, err) =>
      resolve({ code: error ? (error.code ?? error.signal ?? "failed") : 0, out, err }),
    );
  });
}

/** Runs one of its commands. Resolves to what it printed; rejects with all of it where it did not end well. */
export async function openclaw({ node, openclaw }: Program, place: Place, ...args: string[]): Promise<string> {
  const { code, out, err } = await run(node, [openclaw, ...args], environment(place));
  if (code !== 0) throw new Error(`openclaw ${args.join(" ")} ended with ${code}: ${err}${out}`);
  return out;
}

/** Starts a gateway; resolves when it says that it is ready. */
export async function startGateway({ node, openclaw }: Program, place: Place): Promise<Gateway> {
  const gateway = spawn(node, [openclaw, "gateway", "run"], {
    ...{ env: environment(place), detached: true, stdio: ["ignore", "pipe", "pipe"] },
  });
  const exit = once(gateway, "exit");
  const said: string[] = [];
  const patience = setTimeout(() => killGroup(gateway.pid), PATIENCE);
  gateway.stderr.on("data", (chunk: Buffer) => void said.push(String(chunk)));
  const ready = new Promise<void>((resolve, reject) => {
    createInterface(gateway.stdout).on("line", (line) => {
      said.push(`${line}\n`);
      if (line.includes("[gateway] ready")) resolve();
    });
    exit.then(
      ([code]) => reject(new Error(`the gateway ended with ${code} before it was ready: ${said.join("")}`)),
      reject,
    );
  });

  async function stop(): Promise<void> {
    const late = setTimeout(() => killGroup(gateway.pid), 30_000);
    gateway.kill("SIGTERM");
    await exit;
    clearTimeout(late);
    killGroup(gateway.pid);
  }

  try {
    await ready;
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(patience);
  }
  return { stop };
}

/** Also what a leader left behind: a group lasts as long as any of its processes. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
