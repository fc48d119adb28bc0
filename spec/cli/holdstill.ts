import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { contents, tmpDirectory, writeTree, type Tree } from "../helpers/tree.js";
import type { Interference } from "./preload.js";

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));
const PRELOAD = new URL("preload.js", import.meta.url).href;

const SESSIONS: Tree = {
  agents: { main: { sessions: { "one.jsonl": "1\n", "two.jsonl": "2\n" } } },
  "notes.txt": "n\n",
};

export interface World {
  readonly home: string;
  readonly source: string;
  readonly output: string;
}

/** A home of its own with a source in it, and nothing else. */
export function world(tree: Tree = SESSIONS): World {
  const home = tmpDirectory();
  writeTree(join(home, "source"), tree);
  return { home, source: join(home, "source"), output: join(home, "archives") };
}

export interface RunOptions {
  readonly interference?: Interference;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  /** What is on its stdin. */
  readonly input?: string;
}

export function holdstill({ home }: Pick<World, "home">, args: readonly string[], options: RunOptions = {}) {
  const { interference, env, uid, input } = options;
  const preload = interference === undefined ? [] : ["--import", PRELOAD];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [...preload, MAIN, ...args], {
    cwd: home,
    encoding: "utf8",
    env: {
      ...{ PATH: process.env["PATH"], HOME: home, ...env },
      ...(interference && { HOLDSTILL_SPEC_INTERFERENCE: JSON.stringify(interference) }),
    },
    ...(input !== undefined && { input }),
    ...(uid !== undefined && { uid, gid: uid }),
  });
  return { status, signal, stdout, stderr };
}

/** What is left in an archive directory by a run that published nothing: its record. */
export const EMPTY_VAULT = ["archives/", "archives/.holdstill/", "archives/.holdstill/runs.jsonl"];

/** All that is there but the source: what a run has made. */
export function made({ home }: World): string[] {
  return Object.keys(contents(home)).filter((path) => !path.startsWith("source/"));
}
