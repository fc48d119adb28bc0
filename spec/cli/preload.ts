import { rmSync, writeSync } from "node:fs";
import { TarArchive } from "archiver";
import fs from "fs-extra";

/**
 * Loaded into a child before holdstill by `--import`: lets something happen once, at the first call that matches, and
 * tells on stderr that it has.
 */
export interface Interference {
  readonly operation: "linkSync" | "openSync" | "append";
  /** What one of the call's paths ends with; for `openSync` also whether the file is created. */
  readonly path?: string;
  readonly creating?: boolean;
  readonly act: "remove" | "remove source" | "SIGINT" | "SIGTERM" | "SIGKILL" | "throw late" | "forget";
  readonly source?: string;
}

export const CAME = "spec: it came\n";

const given = process.env["HOLDSTILL_SPEC_INTERFERENCE"];
if (given !== undefined) interfere(JSON.parse(given) as Interference);

function interfere({ operation, path = "", creating, act, source = "" }: Interference): void {
  const owner = (operation === "append" ? TarArchive.prototype : fs) as unknown as Record<string, unknown>;
  const real = owner[operation] as (...args: unknown[]) => unknown;
  let came = false;
  owner[operation] = function (this: unknown, ...args: unknown[]): unknown {
    const isPath = args.some((arg) => typeof arg === "string" && arg.endsWith(path));
    const isMode = creating === undefined || ((Number(args[1]) & fs.constants.O_CREAT) !== 0) === creating;
    if (came || !(operation === "append" || (isPath && isMode))) return Reflect.apply(real, this, args);
    came = true;
    writeSync(2, CAME);
    if (act === "forget") return this;
    if (act === "remove") rmSync(String(args[0]));
    else if (act === "remove source") rmSync(source, { recursive: true });
    else if (act === "throw late") setImmediate(throwLate);
    else interrupt(act);
    return Reflect.apply(real, this, args);
  };
}

function throwLate(): never {
  throw new Error("late");
}

/** The signal has arrived when this returns. Time jumps, so that a walk looks up at its next opportunity. */
function interrupt(signal: NodeJS.Signals): void {
  process.kill(process.pid, signal);
  const real = performance.now.bind(performance);
  performance.now = () => real() + 60_000;
}
