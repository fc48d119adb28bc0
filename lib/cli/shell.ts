import type { TakeSignals } from "../guard/command.js";
import type { GuardSurroundings } from "../guard/work.js";
import type { OnEvent } from "../report/events.js";
import type { Scratch } from "../scratch.js";
import type { Surroundings } from "../surroundings.js";
import type { Terminal } from "./terminal.js";

/** What a command is started with. */
export interface Shell {
  readonly terminal: Terminal;
  /** Aborted by SIGINT, SIGTERM and SIGHUP; the reason is the error that the run ends with. */
  readonly signal: AbortSignal;
  /** Hands signals to somebody else than the run. */
  readonly takeSignals: TakeSignals;
  /** Asks whoever sits at the terminal, and is undefined where nobody does. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
  readonly scratch: Scratch;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: () => string;
  readonly homedir: () => string;
  /** Milliseconds of the epoch. */
  readonly now: () => number;
  readonly pid: number;
}

/** What a use case is given of it. */
export async function surroundings(shell: Shell, onEvent: OnEvent): Promise<Surroundings> {
  const { disk } = await import("../filesystem.js");
  const { signal, scratch, env, now } = shell;
  return { fs: disk, env, homedir: shell.homedir(), cwd: shell.cwd(), now, signal, onEvent, scratch };
}

/** The same for what hands the terminal to other programs. */
export async function guardSurroundings(shell: Shell, onEvent: OnEvent): Promise<GuardSurroundings> {
  const { takeSignals, pid } = shell;
  return { ...(await surroundings(shell, onEvent)), takeSignals, pid };
}
