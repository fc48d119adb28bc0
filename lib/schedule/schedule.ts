/** Whose service manager runs the backups. */
export type Scope = "user" | "system";

/** Everything that the units of one machine are made of. */
export interface Schedule {
  readonly scope: Scope;
  /** Of a system's unit: the user who runs it. */
  readonly runAs: string | undefined;
  readonly when: When;
  /** Program and arguments of a run, paths absolute. */
  readonly command: readonly string[];
  /** Program and arguments that sound the alarm; the unit that failed is added. */
  readonly alarm: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** What is read: mounts of these are waited for. */
  readonly sources: readonly string[];
  /** What may be written to, none inside another. Each is a mount of its own to a run in the sandbox. */
  readonly writable: readonly string[];
  /** Whether something that a run needs lies in a directory for temporary files. */
  readonly usesTmp: boolean;
  /** Whether a run may reach the network: hooks and notifications may need it, a backup does not. */
  readonly network: boolean;
}

export interface When {
  /** As `OnCalendar=` takes it. */
  readonly calendar: string;
  /** What `--daily` said; undefined for another calendar. */
  readonly daily: { readonly hour: number; readonly minute: number } | undefined;
  /** From one run to the next at least, in seconds; undefined where nobody could tell. */
  readonly period: number | undefined;
  /** How far runs are spread, in seconds; undefined for a share of the period. */
  readonly delay: number | undefined;
}

export const DAY = 86_400;

export const SERVICE = "holdstill.service";
export const TIMER = "holdstill.timer";
export const ALARM = "holdstill-alarm@.service";
