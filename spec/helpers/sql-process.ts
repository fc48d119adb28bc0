import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Bytes } from "../../lib/bytes.js";
import { loadSqlite } from "../../lib/stage/sqlite.js";

/** A program with a database open: another process, as the writers of live databases are. */
export interface SqlProcess {
  /** The rows of the last statement, or SQLite's error. */
  readonly run: (sql: string) => Promise<{ readonly rows: unknown[][] } | { readonly error: string }>;
  /** Ends it as a crash would: nothing is rolled back, nothing closed. */
  readonly kill: () => Promise<void>;
  /** Closes the database properly. */
  readonly end: () => Promise<void>;
}

const PROGRAM = fileURLToPath(import.meta.url);

export async function openElsewhere(path: Bytes): Promise<SqlProcess> {
  const child = fork(PROGRAM, [Buffer.from(path, "latin1").toString("hex")], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const exit = once(child, "exit");
  await once(child, "message");
  return {
    run: async (sql) => {
      child.send(sql);
      const [reply] = (await once(child, "message")) as [{ rows: unknown[][] } | { error: string }];
      return reply;
    },
    kill: async () => {
      child.kill("SIGKILL");
      await exit;
    },
    end: async () => {
      child.disconnect();
      await exit;
    },
  };
}

if (process.argv[1] === PROGRAM) {
  const { DatabaseSync } = await loadSqlite();
  const database = new DatabaseSync(Buffer.from(process.argv[2] ?? "", "hex"), { timeout: 0 });
  process.on("disconnect", () => {
    database.close();
    process.exit();
  });
  process.on("message", (sql: string) => {
    try {
      const statements = sql.split(";").map((one) => one.trim());
      const last = statements.pop() ?? "";
      for (const statement of statements) database.exec(statement);
      process.send?.({
        rows: database
          .prepare(last)
          .all()
          .map((row) => Object.values(row)),
      });
    } catch (error) {
      process.send?.({ error: (error as Error).message });
    }
  });
  process.send?.("open");
}
