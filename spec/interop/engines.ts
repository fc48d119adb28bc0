import { spawnSync } from "node:child_process";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "mocha";
import { skip } from "../helpers/mounts.js";
import { age, tmpDirectory } from "../helpers/tree.js";

/** The program that is tested. */
export const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));

const FILES = 2000;
/** One file of a hundred. */
const CHANGED = FILES / 100;

/** A home with session files that have rested, for another engine to back up. */
export interface Sessions {
  readonly home: string;
  readonly source: string;
  readonly files: number;
  readonly env: Readonly<Record<string, string>>;
  /** Writes to one file of a hundred; each has rested again after that. */
  readonly change: () => number;
}

export function sessions(env: Readonly<Record<string, string>> = {}): Sessions {
  const home = tmpDirectory();
  const source = join(home, "state");
  const directory = join(source, "agents/main/sessions");
  mkdirSync(directory, { recursive: true });
  const write = (index: number, text: string): string => {
    const path = join(directory, `${String(index).padStart(5, "0")}.jsonl`);
    writeFileSync(path, `${JSON.stringify({ index, text: text.repeat(500) })}\n`);
    return path;
  };
  for (let index = 0; index < FILES; index++) write(index, "first ");
  age(source, 7200);
  return {
    ...{ home, source, files: FILES },
    env: { PATH: process.env["PATH"] ?? "", HOME: home, XDG_CACHE_HOME: join(home, ".cache"), ...env },
    change() {
      const then = Date.now() / 1000 - 3600;
      for (let index = 0; index < CHANGED; index++) utimesSync(write(index * 100, "other "), then, then);
      return CHANGED;
    },
  };
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(program: string, args: readonly string[], { home, env }: Pick<Sessions, "home" | "env">): Ran {
  const { status, stdout, stderr } = spawnSync(program, args, {
    ...{ cwd: home, env, encoding: "utf8", maxBuffer: 64 << 20 },
  });
  return { status, stdout, stderr };
}

export function holdstill(args: readonly string[], here: Pick<Sessions, "home" | "env">): Ran {
  return run(process.execPath, [MAIN, ...args], here);
}

/** Skips what asks where a program is not installed. */
export function needs(asking: Context, ...programs: readonly string[]): void {
  for (const program of programs) {
    const missing = spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0;
    if (missing) skip(asking, `${program} is not installed; scripts/interop-setup.sh installs it`);
  }
}
