/** One thing that was looked at. */
export interface Finding {
  /** Which check it is of: `node`, `source`, `space`, … */
  readonly check: string;
  /** `bad`: a backup would fail, or there is none; `warn`: it could be better. */
  readonly level: "ok" | "info" | "warn" | "bad";
  readonly text: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** Makes the findings of one check. */
export function findings(check: string) {
  return (level: Finding["level"], text: string, fix?: string): Finding => ({
    ...{ check, level, text },
    ...(fix !== undefined && { fix }),
  });
}
