import { loadSqlite } from "../../lib/stage/sqlite.js";

/** What a new version does to a database: `migrate.js PATH`. Leaves the log beside it, as a program that is killed does. */
const { DatabaseSync } = await loadSqlite();
const database = new DatabaseSync(process.argv[2] ?? "");
database.exec("PRAGMA wal_autocheckpoint = 0; ALTER TABLE t RENAME TO migrated; INSERT INTO migrated VALUES ('new')");
process.kill(process.pid, "SIGKILL");
