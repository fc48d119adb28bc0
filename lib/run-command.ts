import { spawn } from "node:child_process";
import { posix } from "node:path";
import { HoldstillError } from "./errors.js";
import type { Filesystem } from "./filesystem.js";
import { findProgram, isProgram } from "./find-program.js";
import { isInForeground } from "./foreground.js";
import type { Surroundings } from "./surroundings.js";

/** How a command ended: by itself with a code, or by a signal. */
export type Ended = { readonly exitCode: number } | { readonly signal: NodeJS.Signals };

export interface CommandOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where its stdout goes: to ours, or to our stderr. */
  readonly stdout: "stdout" | "stderr";
}

const HINT = "Is it installed, and is its directory in PATH?";

/**
 * The path of the program that a command names, as its shell would find it.
 * @throws HoldstillError `usage` where there is none
 */
export function programOf(fs: Filesystem, name: string, { env, cwd }: Pick<Surroundings, "env" | "cwd">): string {
  const program = name.includes("/") ? posix.resolve(cwd, name) : findProgram(fs, name, env["PATH"]);
  if (program !== undefined && isProgram(fs, program)) return program;
  throw new HoldstillError("usage", `there is no program ${name}`, { hint: HINT });
}

/**
 * Runs a command with our stdin, stdout and stderr, until it ends. What would end us is sent on to it, and it decides
 * what becomes of that; on a terminal, Ctrl-C has reached it already.
 */
export function runCommand(
  program: string,
  args: readonly string[],
  { cwd, env, stdout }: CommandOptions,
  { signal, scratch, fs }: Surroundings,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...{ cwd, env: { ...env, PWD: cwd } },
      stdio: ["inherit", stdout === "stdout" ? "inherit" : 2, "inherit"],
    });
    // It must not survive us in a tree that is gone.
    const forget = scratch.add(() => void child.kill("SIGKILL"));
    const sendOn = (): void => {
      const reason: unknown = signal.reason;
      const interrupted = reason instanceof HoldstillError && reason.code === "interrupted";
      if (!interrupted || !isInForeground(fs)) child.kill(interrupted ? "SIGINT" : "SIGTERM");
    };
    const done = (): void => {
      forget();
      signal.removeEventListener("abort", sendOn);
    };
    signal.addEventListener("abort", sendOn);
    child.on("error", (cause) => {
      done();
      reject(new HoldstillError("usage", `the command cannot be started: ${program}`, { hint: HINT, cause }));
    });
    child.on("exit", (code, killedBy) => {
      done();
      resolve(killedBy === null ? { exitCode: code ?? 0 } : { signal: killedBy });
    });
  });
}
