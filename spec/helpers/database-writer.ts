import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { column, loadSqlite, valueOf, type Connection } from "../../lib/stage/sqlite.js";

/**
 * Writes a pair of databases as fast as it can, in step: each transaction moves an amount between two accounts and
 * notes its number and time, first in one database and then in the other. So the balances of each always sum up to
 * zero, and the last numbers of the two never differ by more than one.
 */
export interface Writer {
  readonly stop: () => Promise<WriterStats>;
}

export interface WriterStats {
  readonly transactions: number;
  /** How often a transaction was refused because of somebody's lock. */
  readonly refused: number;
}

export interface PairOptions {
  readonly paths: readonly [string, string];
  readonly journalMode: "wal" | "delete";
  /** Of each database, at least: in MiB. */
  readonly size: number;
}

const PROGRAM = fileURLToPath(import.meta.url);

/** Resolves when the databases have their size and the writer is at full speed. */
export async function startWriter(options: PairOptions): Promise<Writer> {
  const child = fork(PROGRAM, [JSON.stringify(options)], { execArgv: ["--disable-warning=ExperimentalWarning"] });
  // A spec that fails before it stops its writer must not keep mocha from ending, which ends the writer.
  child.unref();
  child.channel?.unref();
  const exit = once(child, "exit");
  await once(child, "message");
  return {
    stop: async () => {
      child.send("stop");
      const [stats] = (await once(child, "message")) as [WriterStats];
      child.disconnect();
      await exit;
      return stats;
    },
  };
}

/** What a copy of one of the pair says of itself. */
export interface Reading {
  readonly sum: number;
  readonly last: number;
  /** When its transactions were begun: milliseconds of the epoch. */
  readonly times: readonly number[];
}

export function readCopy(copy: Connection): Reading {
  const numbers = column(copy, "n", "log ORDER BY n").map(Number);
  const times = column(copy, "at", "log ORDER BY n").map(Number);
  return {
    sum: Number(valueOf(copy, "sum(balance)", "account")),
    last: numbers.at(-1) ?? 0,
    times,
  };
}

/** When the first pin was begun and the last one was there, by the index, which gives whole milliseconds. */
export function pinsWithin(moments: readonly number[], skewMs = NaN): [number, number] {
  const last = Math.max(...moments) + 1;
  return [last - 1 - skewMs, last];
}

/** How exactly two processes agree on the time, in ms. */
const CLOCK_SLACK = 2;

/** By how many transactions two copies may differ: one, and what was begun between the two moments they show. */
export function mayDiffer(readings: readonly Reading[], moments: readonly number[]): number {
  const from = Math.min(...moments) - CLOCK_SLACK;
  const to = Math.max(...moments) + CLOCK_SLACK;
  const begun = readings.map(({ times }) => times.filter((at) => at >= from && at <= to).length);
  return 1 + Math.max(...begun);
}

const ROWS_PER_MIB = 256;

if (process.argv[1] === PROGRAM) {
  const { paths, journalMode, size } = JSON.parse(process.argv[2] ?? "") as PairOptions;
  const { DatabaseSync } = await loadSqlite();
  const rows = size * ROWS_PER_MIB;
  const pair = paths.map((path) => {
    const database = new DatabaseSync(path, { timeout: 0 });
    database.exec(`PRAGMA journal_mode = ${journalMode}; PRAGMA synchronous = OFF; PRAGMA cache_size = 200`);
    database.exec(`
      CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, padding BLOB NOT NULL);
      CREATE TABLE IF NOT EXISTS log (n INTEGER PRIMARY KEY, at REAL NOT NULL);
      WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ${rows})
        INSERT OR IGNORE INTO account SELECT id, 0, randomblob(4000) FROM ids;
    `);
    const move = database.prepare("UPDATE account SET balance = balance + ?, padding = randomblob(4000) WHERE id = ?");
    const note = database.prepare("INSERT INTO log VALUES (?, ?)");
    return { database, move, note };
  });
  let refused = 0;
  let n = Math.max(...pair.map(({ database }) => Number(valueOf(database, "coalesce(max(n), 0)", "log"))));
  const first = n;

  const transact = ({ database, move, note }: (typeof pair)[number]): void => {
    for (;;) {
      try {
        database.exec("BEGIN IMMEDIATE");
        const account = 1 + Math.floor(Math.random() * (rows - 1));
        const amount = Math.floor(Math.random() * 100);
        note.run(n, performance.timeOrigin + performance.now());
        move.run(amount, account);
        move.run(-amount, account + 1);
        database.exec("COMMIT");
        return;
      } catch (error) {
        if (!/locked/.test((error as Error).message)) throw error;
        refused++;
        if (database.isTransaction) database.exec("ROLLBACK");
      }
    }
  };

  let running = true;
  process.on("message", () => (running = false));
  process.on("disconnect", () => process.exit());
  while (running) {
    for (let burst = 0; burst < 20; burst++) {
      n++;
      for (const one of pair) transact(one);
    }
    if (n === first + 20) process.send?.("running");
    await new Promise(setImmediate);
  }
  process.send?.({ transactions: n - first, refused } satisfies WriterStats);
  for (const { database } of pair) database.close();
}
