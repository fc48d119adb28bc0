import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { giveBuffer } from "../buffer-pool.js";
import { HoldstillError } from "../errors.js";

const STDERR_KEPT = 2000;

/**
 * A stream through a program's stdin and stdout. It ends when the program has exited with 0 and all its output is read.
 * Exit by another code fails with what `failure` makes of its stderr. Destroying the stream kills the program.
 */
export function throughProgram(program: string, args: readonly string[], failure: (said: string) => Error): Duplex {
  // In a session of its own, so that Ctrl-C on a terminal reaches only us, and we decide what becomes of it.
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  let said = "";
  let inputEnded = false;
  let inputError: Error | undefined;
  let startError: Error | undefined;

  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-STDERR_KEPT)));
  // EPIPE here only says that the program is gone; why, its exit tells.
  child.stdin.on("error", (error) => (inputError = error));
  child.on("error", (error) => (startError = error));
  child.stdout.on("data", (data: Buffer) => {
    if (!duplex.push(data)) child.stdout.pause();
  });

  function problem(code: number | null, signal: NodeJS.Signals | null): Error | undefined {
    if (startError)
      return new HoldstillError("io", `the program ${program} could not be started`, { cause: startError });
    if (signal !== null) return new HoldstillError("io", `the program ${program} was ended by ${signal}`);
    if (code !== 0) return failure(said.trim() || `exit code ${String(code)}`);
    if (inputEnded && !inputError) return undefined;
    return new HoldstillError("io", `the program ${program} ended before its input did`, { cause: inputError });
  }

  const closed = new Promise<void>((resolve) => {
    child.on("close", (code, signal) => {
      resolve();
      if (duplex.destroyed) return;
      const error = problem(code, signal);
      if (error === undefined) duplex.push(null);
      else duplex.destroy(error);
    });
  });

  const duplex = new Duplex({
    write: (chunk: Buffer, _encoding, done) =>
      void child.stdin.write(chunk, (error) => {
        if (error) return;
        giveBuffer(chunk);
        done();
      }),
    final: (done) => {
      inputEnded = true;
      child.stdin.end();
      done();
    },
    read: () => void child.stdout.resume(),
    destroy: (error, done) => {
      child.kill("SIGKILL");
      for (const pipe of child.stdio) pipe?.destroy();
      void closed.then(() => done(error));
    },
  });
  return duplex;
}
