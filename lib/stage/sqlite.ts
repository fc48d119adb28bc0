import type * as NodeSqlite from "node:sqlite";
import { isErrno } from "../errors.js";

/** What both bindings have in common. Only the database child may import this file: see `database.ts`. */
export type Sqlite = Pick<typeof NodeSqlite, "DatabaseSync" | "backup">;
export type Connection = NodeSqlite.DatabaseSync;

/** `node:sqlite`, or the package with the same interface where this Node has none. Fails if neither can be loaded. */
export async function loadSqlite(): Promise<Sqlite> {
  try {
    return await import("node:sqlite");
  } catch (error) {
    if (!isErrno(error, "ERR_UNKNOWN_BUILTIN_MODULE")) throw error;
  }
  return (await import("@photostructure/sqlite")) as unknown as Sqlite;
}

/**
 * The values of an expression over all rows of a table, or of a pragma as in `pragma_page_count`. They come through a
 * function that `exec` calls, since neither binding can finalize a prepared statement: with the package, a connection
 * that has one left stays open after `close`, its locks held, until the statement is garbage-collected.
 */
export function column(connection: Connection, expression: string, from: string): unknown[] {
  const values: unknown[] = [];
  connection.function("holdstill_value", (value: unknown) => {
    values.push(value);
    return null;
  });
  connection.exec(`SELECT holdstill_value(${expression}) FROM ${from}`);
  return values;
}

/** The same of the first row. */
export function valueOf(connection: Connection, expression: string, from: string): unknown {
  return column(connection, expression, from)[0];
}

export type Complaint = "busy" | "recover" | "not-a-database" | "full" | "other";

const PRIMARY = new Map<number, Complaint>([
  [5, "busy"],
  [6, "busy"],
  [8, "recover"],
  [11, "not-a-database"],
  [13, "full"],
  [14, "recover"],
  [15, "busy"],
  [26, "not-a-database"],
]);

/** The package loses the code of an error that comes out of `exec`; a busy `backup` says "not an error" on both. */
const MESSAGES: readonly (readonly [RegExp, Complaint])[] = [
  [/is locked|locking protocol|not an error/, "busy"],
  [/readonly database|unable to open/, "recover"],
  [/not a database|malformed|unsupported file format/, "not-a-database"],
  [/disk is full/, "full"],
];

/**
 * What an error of SQLite means to somebody who only reads. `recover`: it would have to write beside the database
 * (a hot journal, a write-ahead log without its index) and may not; also what it says of a file that is gone.
 */
export function complaintOf(error: unknown): Complaint {
  // What the disk says names files, which may be called anything.
  if (!(error instanceof Error) || "syscall" in error) return "other";
  const code = "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : 0;
  return PRIMARY.get(code) ?? MESSAGES.find(([pattern]) => pattern.test(error.message))?.[1] ?? "other";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
