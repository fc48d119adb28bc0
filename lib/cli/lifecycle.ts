import { homedir } from "node:os";
import { isatty } from "node:tty";
import { HoldstillError, isErrno } from "../errors.js";
import type { Signal as TakenSignal, TakeSignals } from "../guard/command.js";
import { createScratch } from "../scratch.js";
import { EXIT_CODES } from "./exit-code.js";
import { fail } from "./fail.js";
import { isJournal } from "./journal.js";
import { asking } from "./ask.js";
import type { Shell } from "./shell.js";
import { terminalOn } from "./terminal.js";

const STDIN = 0;

const SIGNALS = { SIGINT: "interrupted", SIGTERM: "terminated", SIGHUP: "terminated" } as const;

/**
 * Runs what the process is for and sees to its end, however it ends. Success is only what `main` returned: until
 * then the exit code is 70, so that a promise that never settles cannot look like success.
 */
export function runProcess(args: readonly string[], main: (shell: Shell) => Promise<number>): void {
  process.exitCode = EXIT_CODES.internal;
  const { env } = process;
  const journal = isJournal(process.stderr.fd, env["JOURNAL_STREAM"]);
  const terminal = terminalOn(process.stdout, process.stderr, { term: env["TERM"], journal });
  const scratch = createScratch();
  const controller = new AbortController();
  let taker: ((signal: TakenSignal) => void) | undefined;
  let ended = false;
  let crashing = false;

  const end = (exitCode: number): void => {
    ended = true;
    process.exitCode = exitCode;
  };
  const crash = (error: unknown): void => {
    // The second time it is the telling that failed.
    if (!crashing) {
      crashing = true;
      fail(error, args, { terminal, env });
    }
    end(EXIT_CODES.internal);
    process.exit();
  };

  process.on("exit", () => {
    scratch.removeAll();
    if (!ended) fail(new HoldstillError("internal", "the run ended unfinished"), args, { terminal, env });
  });
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
  for (const name of Object.keys(SIGNALS) as TakenSignal[]) {
    const code = SIGNALS[name];
    process.on(name, () => {
      if (taker !== undefined) return taker(name);
      if (ended || controller.signal.aborted) {
        end(EXIT_CODES[code]);
        process.exit();
      }
      controller.abort(new HoldstillError(code, code));
    });
  }
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever read the output has gone; the backup is not for them alone.
    if (error.code !== "EPIPE") throw error;
  });
  // There is nowhere left to tell of it.
  process.stderr.on("error", () => {});

  const { signal } = controller;
  const takeSignals: TakeSignals = (take) => {
    taker = take;
    return () => {
      taker = undefined;
    };
  };
  // Whoever reads a pipe by its descriptor must wait for it, and Node's `stdin` has it wait for nobody.
  const ask = isatty(STDIN) ? asking(process.stdin, process.stderr, controller.signal) : undefined;
  const around = { env, cwd: workingDirectory, homedir, now: Date.now, pid: process.pid };
  const shell: Shell = { terminal, signal, takeSignals, ask, scratch, ...around };
  main(shell).then(end, crash);
}

/** One that was removed holds nothing, and is no reason to fail where all paths are absolute. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    return "/proc/self/cwd";
  }
}
