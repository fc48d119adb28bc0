/** What `schedule install` has done. Times are ISO 8601. */
export interface ScheduleInstalled {
  readonly outcome: "installed";
  readonly scope: "user" | "system";
  /** Who runs it. */
  readonly runAs: string;
  /** Paths. */
  readonly units: readonly string[];
  readonly calendar: string;
  readonly next: string;
  /** The archive directory. */
  readonly output: string;
  /** Whether a first run was started. */
  readonly started: boolean;
  readonly warnings: readonly string[];
}

export interface SchedulePrinted {
  readonly outcome: "printed";
  readonly units: readonly { readonly path: string; readonly text: string }[];
  /** Lines for cron, where these were asked for. */
  readonly cron: readonly string[];
  /** Whether the units were written to their paths. */
  readonly written: boolean;
  readonly warnings: readonly string[];
}

export interface ScheduleStatus {
  readonly outcome: "status";
  readonly scope: "user" | "system";
  /** Paths; none where nothing is installed. */
  readonly units: readonly string[];
  readonly armed: boolean;
  readonly next: string | null;
  /** What a run is doing right now. */
  readonly running: string | null;
  /** The newest run since the machine was started. */
  readonly lastRun: {
    readonly started: string;
    readonly ended: string | null;
    readonly exitCode: number | null;
    /** In systemd's words: `success`, `exit-code`, `signal`, … */
    readonly result: string;
  } | null;
  readonly warnings: readonly string[];
}

export interface ScheduleRemoved {
  readonly outcome: "removed";
  readonly scope: "user" | "system";
  /** Paths of what was removed. */
  readonly units: readonly string[];
}

/** What an alarm is about, as its command gets it. */
export interface AlarmReport {
  readonly outcome: "failed";
  readonly unit: string;
  /** In systemd's words. */
  readonly result: string;
  readonly exitCode: number;
  /** The last that the run said. */
  readonly lines: readonly string[];
}
