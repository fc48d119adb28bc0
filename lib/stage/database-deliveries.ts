import type { Bytes } from "../bytes.js";
import { native } from "./database-place.js";
import type { Dropped } from "./database.js";
import { column, messageOf, type Sqlite } from "./sqlite.js";

/** Tables of OpenClaw that are true only of the moment of the backup: who holds what, and what is still to be sent. */
const MOMENTARY = ["state_leases", "agent_database_leases", "delivery_queue_entries"] as const;

/**
 * Empties the tables of leases and pending deliveries in a private database. What is in it was written by others: its
 * schema is not trusted, and no journal is left beside it.
 */
export function dropDeliveries(sqlite: Sqlite, path: Bytes): Dropped {
  try {
    const connection = new sqlite.DatabaseSync(native(path), { defensive: true });
    try {
      connection.exec("PRAGMA trusted_schema = OFF; PRAGMA synchronous = OFF");
      const tables = new Set(column(connection, "name", "sqlite_schema WHERE type = 'table'"));
      const present = MOMENTARY.filter((name) => tables.has(name));
      if (present.length === 0) return { rows: {} };
      connection.exec("PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE");
      const rows = present.map((name) => [name, rowsOf(connection, name)] as const);
      for (const [name] of rows) connection.exec(`DELETE FROM ${name}`);
      connection.exec("COMMIT; PRAGMA journal_mode = DELETE");
      return { rows: Object.fromEntries(rows) };
    } finally {
      connection.close();
    }
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function rowsOf(connection: Parameters<typeof column>[0], table: string): number {
  return Number(column(connection, "count(*)", table)[0]);
}
