import { escaped, type Bytes } from "../bytes.js";
import { shellQuoted } from "../restore/shell-quoted.js";
import type { GroupOptions } from "../run-in-group.js";
import type { Surroundings } from "../surroundings.js";
import type { TakeSignals } from "./command.js";
import { save } from "./journal-file.js";
import type { Journal } from "./journal.js";

/** What `guard` and `rollback` know of the world they run in. */
export interface GuardSurroundings extends Surroundings {
  readonly takeSignals: TakeSignals;
  readonly pid: number;
}

/** What the steps of a guarded command work with. */
export interface Work extends GuardSurroundings {
  /** The archive directory. */
  readonly archives: Bytes;
}

/** Changes the journal, on disk first. */
export async function advance(work: Work, journal: Journal, change: Partial<Journal>): Promise<Journal> {
  const changed = { ...journal, ...change };
  await save(work.fs, work.archives, changed);
  return changed;
}

/** What is to be run next, as the user would type it. */
export function resumeCommand({ archives }: Pick<Work, "archives">): string {
  return `holdstill guard resume --output ${shellQuoted(escaped(archives))}`;
}

/** What tells how far it is. */
export function statusCommand({ archives }: Pick<Work, "archives">): string {
  return `holdstill guard status --output ${shellQuoted(escaped(archives))}`;
}

/** What removes what a failed command has left. */
export function cleanCommand({ archives }: Pick<Work, "archives">): string {
  return `holdstill guard clean --output ${shellQuoted(escaped(archives))}`;
}

/** What every command line of the user is run with. */
export type Shelled = Pick<GroupOptions, "cwd" | "env" | "signal" | "scratch">;

export function shellOptions({ cwd, env, signal, scratch }: Work): Shelled {
  return { cwd, env, signal, scratch };
}
