import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { HoldstillError } from "../errors.js";
import { findProgram } from "../find-program.js";
import type { Surroundings } from "../surroundings.js";

/** Of what an engine says on stderr so much is kept, the last. */
const KEPT = 4096;

/** An installed program that stores archives elsewhere. */
export interface Engine {
  readonly program: string;
  /** Its environment: the only way by which it is told of places and secrets. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface EngineEnded<T> {
  readonly exitCode: number | NodeJS.Signals;
  /** The end of what it said on stderr. */
  readonly said: string;
  /** What was made of its stdout; undefined where that ended early, with an exit code that says why. */
  readonly taken: T | undefined;
}

/** What becomes of a program's output. */
export interface Heard<T> {
  readonly take: (stdout: Readable) => Promise<T>;
  /** Each line of its stderr. */
  readonly onSaid?: (line: string) => void;
}

/** @throws HoldstillError `output-unusable` where the program is not installed */
export function findEngine(name: string, { fs, env }: Pick<Surroundings, "fs" | "env">): Engine {
  const program = findProgram(fs, name, env["PATH"]);
  if (program !== undefined) return { program, env };
  throw new HoldstillError("output-unusable", `${name} is not installed`, {
    hint: `Install it (Debian, Ubuntu: apt install ${name}), and see that its directory is in PATH.`,
  });
}

/** Takes output line by line. */
export function byLine(onLine: (line: string) => void): (stdout: Readable) => Promise<void> {
  return async (stdout) => {
    for await (const line of createInterface({ input: stdout })) onLine(line);
  };
}

/** Of an answer that says nothing. */
export async function drained(stdout: Readable): Promise<void> {
  await finished(stdout.resume());
}

/** Runs an engine to its end. Where the run is aborted it is interrupted, so that it takes its locks away. */
export async function runEngine<T>(
  { program, env }: Engine,
  args: readonly string[],
  { take, onSaid }: Heard<T>,
  { signal, scratch, cwd }: Pick<Surroundings, "signal" | "scratch" | "cwd">,
): Promise<EngineEnded<T>> {
  signal.throwIfAborted();
  // In a session of its own, so that Ctrl-C on a terminal reaches only us.
  const child = spawn(program, args, {
    cwd,
    env: { ...env, PWD: cwd },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const forget = scratch.add(() => void child.kill("SIGKILL"));
  const interrupt = (): void => void child.kill("SIGINT");
  signal.addEventListener("abort", interrupt);
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-KEPT)));
  if (onSaid) createInterface({ input: child.stderr }).on("line", onSaid);
  const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, killedBy) => resolve(killedBy ?? code ?? 0));
  });
  const taking = take(child.stdout).then(
    (taken) => ({ taken }),
    (error: unknown) => {
      // What ended early is for the exit code to explain.
      const isWhole = !child.stdout.readableEnded;
      if (isWhole) child.kill("SIGTERM");
      child.stdout.destroy();
      return { error, isWhole };
    },
  );
  try {
    const [exitCode, outcome] = await Promise.all([ended, taking]);
    signal.throwIfAborted();
    if (!("error" in outcome)) return { exitCode, said, taken: outcome.taken };
    if (outcome.isWhole || exitCode === 0) throw outcome.error;
    return { exitCode, said, taken: undefined };
  } finally {
    signal.removeEventListener("abort", interrupt);
    forget();
  }
}
