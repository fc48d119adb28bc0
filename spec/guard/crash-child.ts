import { disk, type Filesystem } from "../../lib/filesystem.js";
import { guard, type GuardOptions } from "../../lib/guard.js";
import { createScratch } from "../../lib/scratch.js";
import { RECORD } from "./record.js";

/** A guarded command that kills itself at one of its operations on the disk. */
export interface Death {
  readonly root: string;
  readonly options: GuardOptions;
  readonly operations: readonly (keyof Filesystem)[];
  /** Which call of these operations, from 1; and whether it is still done. */
  readonly nth: number;
  readonly when: "before" | "after";
  /** Counts only calls whose first path ends so. */
  readonly path?: string;
}

const { root, options, operations, nth, when, path = "" } = JSON.parse(process.argv[2] ?? "{}") as Death;

let calls = 0;

function die(): void {
  process.kill(process.pid, "SIGKILL");
  // The signal may come a moment later than the call returns: nothing is done any more.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function deadly(name: keyof Filesystem): unknown {
  const real = disk[name] as (...args: unknown[]) => unknown;
  return (...args: unknown[]) => {
    const dies = String(args[0]).endsWith(path) && ++calls === nth;
    if (dies && when === "before") die();
    const result = real(...args);
    if (dies) die();
    return result;
  };
}

const fs: Filesystem = { ...disk, ...Object.fromEntries(operations.map((name) => [name, deadly(name)])) };
await guard(
  { ...options, record: RECORD },
  {
    ...{ fs, env: { PATH: process.env["PATH"] }, homedir: root, cwd: root, now: Date.now },
    ...{ signal: new AbortController().signal, onEvent: () => {}, scratch: createScratch() },
    ...{ takeSignals: () => () => {}, pid: process.pid },
  },
);
