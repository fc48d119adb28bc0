import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { kill, pid } from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { isInForeground } from "../foreground.js";
import { marked, processesOf } from "./mark.js";

export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Hands the process' signals to somebody else than the run, until what it returns is called. */
export type TakeSignals = (take: (signal: Signal) => void) => () => void;

/** How a command ended. */
export interface Ended {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly timedOut: boolean;
  readonly ms: number;
}

export interface CommandOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where its output goes: what it prints there is not touched. */
  readonly stdout: "stdout" | "stderr";
  /** Undefined where it may take as long as it wants. */
  readonly timeoutMs: number | undefined;
  readonly takeSignals: TakeSignals;
}

/** Between the request to end and the end, in milliseconds. */
const MERCY_MS = 10_000;
const LOOK_MS = 100;

/** Runs a command to its end; what it leaves behind it leaves. Ctrl-C and other signals are the command's. */
export async function runCommand(
  fs: Filesystem,
  [program = "", ...args]: readonly string[],
  mark: string,
  { cwd, env, stdout, timeoutMs, takeSignals }: CommandOptions,
): Promise<Ended> {
  const started = performance.now();
  const child = spawn(program, args, {
    ...{ cwd, env: marked(env, mark) },
    stdio: ["inherit", stdout === "stderr" ? 2 : "inherit", "inherit"],
  });
  const giveBack = takeSignals((signal) => forward(fs, child, signal));
  let timedOut = false;
  const late =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          void endAll(fs, mark);
        }, timeoutMs);
  try {
    const { exitCode, signal } = await ending(child);
    return { exitCode, signal, timedOut, ms: Math.round(performance.now() - started) };
  } finally {
    clearTimeout(late);
    giveBack();
  }
}

/** Of a command that cannot even be started a shell says the same. */
const NOT_STARTED = 127;

function ending(child: ChildProcess): Promise<Pick<Ended, "exitCode" | "signal">> {
  return new Promise((resolve, reject) => {
    child.once("exit", (exitCode, signal) => {
      resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined });
    });
    child.once("error", (error) => {
      if (!isErrno(error, "ENOENT", "EACCES", "ENOEXEC", "ENOTDIR")) reject(error);
      else resolve({ exitCode: NOT_STARTED, signal: undefined });
    });
  });
}

/** What a terminal sends for Ctrl-C, it sends to every process in the foreground: the command has it already. */
function forward(fs: Filesystem, child: ChildProcess, signal: Signal): void {
  if (signal === "SIGINT" && isInForeground(fs)) return;
  child.kill(constants.signals[signal]);
}

/** Ends a command and all that it started: first as asked, then for good. */
async function endAll(fs: Filesystem, mark: string): Promise<void> {
  const left = (): number[] => processesOf(fs, mark).filter((each) => each !== pid);
  for (const each of left()) end(each, "SIGTERM");
  for (let waited = 0; waited < MERCY_MS && left().length > 0; waited += LOOK_MS) await pause(LOOK_MS);
  for (const each of left()) end(each, "SIGKILL");
}

function end(each: number, signal: NodeJS.Signals): void {
  try {
    kill(each, signal);
  } catch (error) {
    if (!isErrno(error, "ESRCH", "EPERM")) throw error;
  }
}
