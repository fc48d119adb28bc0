import { homedir } from "node:os";
import { HoldstillError } from "../errors.js";
import { createScratch } from "../scratch.js";
import { EXIT_CODES } from "./exit-code.js";
import { fail } from "./fail.js";
import type { Shell } from "./shell.js";
import { terminalOn } from "./terminal.js";

const SIGNALS = { SIGINT: "interrupted", SIGTERM: "terminated", SIGHUP: "terminated" } as const;

/**
 * Runs what the process is for and sees to its end, however it ends. Success is only what `main` returned: until
 * then the exit code is 70, so that a promise that never settles cannot look like success.
 */
export function runProcess(args: readonly string[], main: (shell: Shell) => Promise<number>): void {
  process.exitCode = EXIT_CODES.internal;
  const { env } = process;
  const terminal = terminalOn(process.stdout, process.stderr, env["TERM"]);
  const scratch = createScratch();
  const controller = new AbortController();
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
  for (const [name, code] of Object.entries(SIGNALS)) {
    process.on(name, () => {
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
  const shell: Shell = { terminal, signal, scratch, env, cwd: () => process.cwd(), homedir, now: Date.now };
  main(shell).then(end, crash);
}
