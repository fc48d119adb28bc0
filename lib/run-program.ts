import { spawn } from "node:child_process";
import { constants } from "node:os";
import { isErrno } from "./errors.js";

export interface Ended {
  /** 128 and the signal's number where a signal ended it, as shells have it. */
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  /** Whom it runs as, where that is not us. */
  readonly as?: { readonly uid: number; readonly gid: number } | undefined;
  /** After so many milliseconds it is killed. */
  readonly limitMs?: number;
}

const KEPT = 1 << 20;
const USUAL_LIMIT_MS = 60_000;

/**
 * Runs a program that says little, to its end; of much that it says the end is kept.
 * @returns what it said, or undefined where there is no such program
 */
export function runProgram(
  program: string,
  args: readonly string[],
  { env, input = "", as, limitMs = USUAL_LIMIT_MS }: RunOptions,
): Promise<Ended | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "pipe", env, ...as });
    // Not the option of `spawn`: its timer goes on where the program could not be started.
    const limit = setTimeout(() => child.kill("SIGKILL"), limitMs).unref();
    const said = { out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said.out = (said.out + text).slice(-KEPT)));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said.err = (said.err + text).slice(-KEPT)));
    // It may end without reading what it is told.
    child.stdin.on("error", () => {}).end(input);
    child.on("error", (error) => (isErrno(error, "ENOENT") ? resolve(undefined) : reject(error)));
    child.on("close", (code, signal) => {
      clearTimeout(limit);
      resolve({ exitCode: code ?? 128 + (signal ? constants.signals[signal] : 0), ...said });
    });
  });
}
