import { spawn } from "node:child_process";
import { endGroup } from "./end-group.js";
import { isErrno } from "./errors.js";
import type { Scratch } from "./scratch.js";

/** What came of a command. */
export interface Ran {
  readonly ok: boolean;
  /** `exited 1`, `took longer than its limit`, … */
  readonly how: string;
  /** The end of what it printed, where that was not shown. */
  readonly said: string;
}

export interface GroupOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What it is told on its stdin. */
  readonly input?: string;
  /** After so many milliseconds it is killed. */
  readonly limitMs: number;
  /** Aborted where it is to be ended before its time. */
  readonly signal: AbortSignal;
  readonly scratch: Scratch;
  /** What is done with what it prints; `shown` is on our stderr, where a daemon that it starts may go on printing. */
  readonly output: "shown" | "kept" | ((line: string) => void);
}

/** Of what is printed so many characters are kept, the last; of one line, the first. */
const KEPT = 4096;

/**
 * Runs a line of shell, or a program with its arguments, in a process group of its own. It has ended when it has, also
 * where it leaves others behind; at its limit they all are killed.
 */
export function runInGroup(command: string | readonly string[], options: GroupOptions): Promise<Ran> {
  const { cwd, env, input, limitMs, signal, scratch, output } = options;
  const [program = "", ...args] = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  const sink = output === "shown" ? 2 : "pipe";
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...{ cwd, env: { ...env }, detached: true },
      stdio: [input === undefined ? "ignore" : "pipe", sink, sink],
    });
    const stop = (): void => endGroup(child.pid);
    const forget = scratch.add(stop);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      stop();
    }, limitMs);
    signal.addEventListener("abort", stop, { once: true });

    let said = "";
    const endings = [child.stdout, child.stderr].flatMap((stream) => {
      if (stream === null) return [];
      const lines = splitting(typeof output === "function" ? output : () => {});
      stream.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-KEPT);
        lines.take(text);
      });
      return [lines.end];
    });
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      forget();
      for (const stream of [child.stdout, child.stderr, child.stdin]) stream?.destroy();
      for (const end of endings) end();
    };
    // It may end without reading what it is told.
    child.stdin?.on("error", () => {}).end(input);
    child.once("error", (error) => {
      done();
      if (isErrno(error, "ENOENT", "EACCES", "ENOEXEC", "ENOTDIR", "E2BIG")) {
        resolve({ ok: false, how: `could not be started (${String(error.code)})`, said: "" });
      } else reject(error);
    });
    child.once("exit", (code, killedBy) => {
      // What it said last is still in the pipe.
      setImmediate(() => {
        done();
        const ended = killedBy === null ? `exited ${code}` : `was ended by ${killedBy}`;
        resolve({ ok: code === 0 && !late, how: late ? "took longer than its limit" : ended, said: said.trim() });
      });
    });
    if (signal.aborted) stop();
  });
}

/** The last line of what a command said. */
export function lastLine({ said }: Ran): string {
  return said.slice(said.lastIndexOf("\n") + 1);
}

function splitting(onLine: (line: string) => void) {
  let rest = "";
  return {
    take: (text: string): void => {
      const lines = (rest + text).split("\n");
      rest = (lines.pop() ?? "").slice(-KEPT);
      for (const line of lines) if (line !== "") onLine(line.slice(0, KEPT));
    },
    end: (): void => {
      if (rest !== "") onLine(rest);
    },
  } as const;
}
