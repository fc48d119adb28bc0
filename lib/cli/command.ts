import { HoldstillError } from "../errors.js";
import type { Event } from "../report/events.js";
import { advance, progressLine, type Progress } from "../report/progress.js";
import { notifier } from "./notify.js";
import type { Shell } from "./shell.js";
import type { UseCases } from "./use-cases.js";

/** What each command is made of: `finish` takes the exit code of a run that came to its end. */
export interface Context {
  readonly shell: Shell;
  readonly useCases: UseCases;
  readonly finish: (exitCode: number) => void;
}

/** For `check` of a command without operands: what follows `--` passes the strict mode of yargs. */
export function noOperands(argv: Readonly<Record<string, unknown>>): true {
  const rest = argv["--"];
  if (!Array.isArray(rest) || rest.length === 0) return true;
  throw new HoldstillError("usage", `this command takes no operands: ${rest.join(" ")}`);
}

/** Between two drawings of the progress line, in milliseconds. */
const REDRAW = 100;

/** Follows a run: warnings are told at once, and once; progress is shown where there is a terminal. */
export function follow(shell: Shell, quiet: boolean) {
  const { terminal, now } = shell;
  const notify = notifier(shell);
  const told = new Set<string>();
  let progress: Progress | undefined;
  let drawn = -Infinity;
  const warn = (message: string): void => {
    if (told.has(message)) return;
    told.add(message);
    terminal.tell([`holdstill: warning: ${message}`], "warning");
  };
  const onEvent = (event: Event): void => {
    if (event.type === "warning") return warn(event.message);
    if (event.type === "said") return quiet ? undefined : terminal.tell([`${event.by}: ${event.text}`], "info");
    notify(event);
    if (event.type === "handover") terminal.status("");
    const time = now();
    progress = advance(progress, event, time);
    const columns = quiet ? undefined : terminal.columns();
    if (progress === undefined || columns === undefined) return;
    if (event.type === "progress" && time - drawn < REDRAW) return;
    drawn = time;
    terminal.status(progressLine(progress, time, columns));
  };
  return { onEvent, warn } as const;
}
