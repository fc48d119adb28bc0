import { fork } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { readJournal, type Journal } from "./churn-journal.js";
import type { WriterOptions } from "./churn-writer.js";

export interface Churn {
  readonly seed: number;
  readonly directory: string;
  /** How many operations the writer has reported so far. */
  readonly operations: () => number;
  /** Resolves when it has done at least as many; rejects if it ends before. */
  readonly reached: (operations: number) => Promise<void>;
  /** Ends the writer, with nothing left half written, and reads its record. Rejects if it failed. */
  readonly stop: () => Promise<Journal>;
}

export interface ChurnOptions {
  /** Exists and is empty. */
  readonly directory: string;
  readonly files: number;
  readonly opsPerSecond?: number;
  readonly seed: number;
}

const WRITER = fileURLToPath(new URL("./churn-writer.js", import.meta.url));

/** Milliseconds of the epoch, with fractions: the clock of the writer's record. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Starts a process that fills a directory and keeps changing it; resolves when the changes have begun. */
export async function startChurn({ opsPerSecond = 1000, ...options }: ChurnOptions): Promise<Churn> {
  const scratch = await fs.mkdtemp(join(tmpdir(), "holdstill-churn-"));
  const journal = join(scratch, "journal.jsonl");
  const clock = now() - Number(process.hrtime.bigint()) / 1e6;
  const told: WriterOptions = { ...options, opsPerSecond, journal, clock };
  const writer = fork(WRITER, [JSON.stringify(told)], { stdio: ["ignore", "inherit", "pipe", "ipc"] });
  let operations = 0;
  let ended = false;
  writer.on("message", (count) => (operations = Number(count)));
  // Not `close`, which does not come after a `disconnect` from this side.
  const exit = Promise.all([once(writer, "exit"), writer.stderr ? text(writer.stderr) : ""]);
  void exit.then(() => (ended = true));

  async function stop(): Promise<Journal> {
    if (writer.connected) writer.disconnect();
    const [[code, signal], complaint] = (await exit) as [[number | null, string | null], string];
    try {
      if (code === 0) return readJournal(journal);
      const how = `the writer ended with ${code ?? signal} after ${operations} operations, seed ${options.seed}`;
      throw new Error(`${how}: ${complaint}`);
    } finally {
      await fs.rm(scratch, { recursive: true, force: true });
    }
  }

  async function reached(count: number): Promise<void> {
    while (operations < count) {
      await Promise.race([once(writer, "message"), exit]);
      if (ended) await stop();
    }
  }

  await reached(1);
  return { seed: options.seed, directory: options.directory, operations: () => operations, reached, stop };
}
