#!/usr/bin/env node
// Commits to SQLite databases without a pause, until it is killed or its parent is gone: bench-writer.js DATABASE…
import { DatabaseSync } from "@photostructure/sqlite";

const databases = process.argv.slice(2).map((path) => new DatabaseSync(path));
const parent = process.ppid;
for (let round = 1; process.ppid === parent; round++) {
  for (const database of databases) {
    database.exec(`PRAGMA busy_timeout=5000; UPDATE entry SET value = ${round} WHERE id = ${1 + (round % 1000)}`);
  }
}
