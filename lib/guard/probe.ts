import { setTimeout as pause } from "node:timers/promises";
import { runInGroup } from "../run-in-group.js";
import type { Shelled } from "./work.js";

export interface Probed {
  readonly ok: boolean;
  readonly attempts: number;
  /** How the last one ended, and what it said. */
  readonly how: string;
  readonly said: string;
}

export interface ProbeOptions extends Shelled {
  readonly probeMs: number;
  readonly probeEveryMs: number;
  /** Milliseconds. */
  readonly now: () => number;
}

/** Tries a command line again and again until it succeeds or time is up: at least once. */
export async function probe(line: string, options: ProbeOptions): Promise<Probed> {
  const { probeMs, probeEveryMs, now, signal, ...rest } = options;
  const deadline = now() + probeMs;
  for (let attempts = 1; ; attempts++) {
    const limitMs = Math.max(1, deadline - now());
    const { ok, how, said } = await runInGroup(line, { ...rest, signal, limitMs, output: "kept" });
    const isLast = now() + probeEveryMs >= deadline || signal.aborted;
    if (ok || isLast) return { ok, attempts, how: signal.aborted ? "was interrupted" : how, said };
    await pause(probeEveryMs, undefined, { signal }).catch(() => {});
  }
}
