import { writeJournal } from "./churn-journal.js";
import { operate } from "./churn-operations.js";
import { createWorld } from "./churn-world.js";

/** What the writer is told, as JSON in its first argument. */
export interface WriterOptions {
  /** Exists and is empty. */
  readonly directory: string;
  readonly files: number;
  readonly opsPerSecond: number;
  readonly seed: number;
  /** Where the record goes when the writer has stopped. */
  readonly journal: string;
  /** The epoch's milliseconds at the zero of `process.hrtime`, which is one clock for all processes. */
  readonly clock: number;
}

/** A process of its own: fills a directory, keeps changing it, and ends when its channel to the parent closes. */
const options = JSON.parse(process.argv[2] ?? "") as WriterOptions;
const now = () => options.clock + Number(process.hrtime.bigint()) / 1e6;

const pending: { readonly at: number; readonly action: () => void }[] = [];
const later = (ms: number, action: () => void) => void pending.push({ at: now() + ms, action });
const world = createWorld({ ...options, now, later });

const started = now();
let operations = 0;
let reported = 0;
let stopping = false;
process.once("disconnect", () => (stopping = true));
turn();

/** Does what has become due since the last turn, at most 50 ms of it where the machine cannot keep up. */
function turn(): void {
  const from = now();
  while (!stopping && operations < ((now() - started) / 1000) * options.opsPerSecond && now() - from < 50) {
    operate(world);
    operations += 1;
    finish(now());
  }
  finish(stopping ? Infinity : now());
  if (stopping) {
    writeJournal(options.journal, { seed: options.seed, operations, identities: world.tree.identities });
    return;
  }
  if (from - reported >= 10) report(from);
  setTimeout(turn, 1);
}

function finish(due: number): void {
  const overdue = pending.filter(({ at }) => at <= due).sort((a, b) => a.at - b.at);
  for (const item of overdue) {
    pending.splice(pending.indexOf(item), 1);
    item.action();
  }
}

/** A parent that is gone cannot be told; that the channel closed then ends the writer. */
function report(at: number): void {
  reported = at;
  process.send?.(operations, undefined, undefined, () => {});
}
