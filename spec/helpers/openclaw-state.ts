import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadSqlite } from "../../lib/stage/sqlite.js";
import { writeTree } from "./tree.js";

const { DatabaseSync } = await loadSqlite();

export const AGENT = "agents/main/agent/openclaw-agent.sqlite";
export const STATE = "state/openclaw.sqlite";

/** Three pending deliveries, a lease, and what is to be kept. */
export const TABLES = `
  CREATE TABLE delivery_queue_entries (id INTEGER PRIMARY KEY, text TEXT);
  INSERT INTO delivery_queue_entries (text) VALUES ('one'), ('two'), ('three');
  CREATE TABLE state_leases (id TEXT); INSERT INTO state_leases VALUES ('lease');
  CREATE TABLE kept (id TEXT); INSERT INTO kept VALUES ('kept');`;

/** An OpenClaw state with databases, in the home of a user; returns where. */
export function openclawState(home: string): string {
  const state = join(home, ".openclaw");
  writeTree(state, { "openclaw.json": "{}\n", workspace: { "w.txt": "w" } });
  database(join(state, STATE), TABLES);
  database(join(state, AGENT), "CREATE TABLE agent_database_leases (id TEXT); CREATE TABLE kept (id TEXT)");
  database(join(state, "memory/notes.sqlite"), "CREATE TABLE notes (id TEXT)");
  return state;
}

export function database(path: string, sql: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const connection = new DatabaseSync(path);
  connection.exec(sql);
  connection.close();
}

/** How many rows each table has. */
export function rows(path: string, ...tables: readonly string[]): Record<string, number> {
  const connection = new DatabaseSync(path);
  const counted = tables.map((table) => {
    const [row] = connection.prepare(`SELECT count(*) AS n FROM ${table}`).all();
    return [table, Number(row?.["n"])] as const;
  });
  connection.close();
  return Object.fromEntries(counted);
}
