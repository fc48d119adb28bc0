import { statSync } from "node:fs";
import type { Bytes } from "../bytes.js";
import { discard } from "./database-at-rest.js";
import { native } from "./database-place.js";
import type { CopiedDatabase, CopyOutcome, PinnedDatabase } from "./database.js";
import { column, complaintOf, messageOf, valueOf, type Connection, type Sqlite } from "./sqlite.js";

export interface Pin {
  readonly connection: Connection;
  readonly database: PinnedDatabase;
}

/** Milliseconds of the epoch, with a fraction. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Opens a database read-only and begins a read transaction: it shows this moment until it is closed. Does not wait for
 * a lock: what SQLite would then open beside it was looked at too long ago. Fails with SQLite's errors.
 */
export function pinMoment(sqlite: Sqlite, path: Bytes): Pin {
  const connection = new sqlite.DatabaseSync(native(path), { readOnly: true, timeout: 0, defensive: false });
  try {
    return { connection, database: read(connection) };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Recovers a private copy that was taken as bytes, and reads what a pin would have read of it. */
export function readPrivate(sqlite: Sqlite, copy: Bytes): PinnedDatabase {
  const connection = new sqlite.DatabaseSync(native(copy), { defensive: false });
  try {
    return read(connection);
  } finally {
    connection.close();
  }
}

function read(connection: Connection): PinnedDatabase {
  // A schema that cannot be parsed must not stop the copy: `writable_schema` makes SQLite ignore what it cannot read.
  connection.exec("PRAGMA writable_schema = ON; BEGIN");
  const pinning = now();
  const userVersion = Number(valueOf(connection, "user_version", "pragma_user_version"));
  valueOf(connection, "count(*)", "sqlite_schema");
  const pinnedAt = now();
  const pageCount = Number(valueOf(connection, "page_count", "pragma_page_count"));
  const journalMode = String(valueOf(connection, "journal_mode", "pragma_journal_mode"));
  return { pinning, pinnedAt, journalMode, pageCount, userVersion };
}

/** Pages a step: the default of 100 never finishes beside a writer where there is no pin, and is no faster with one. */
const RATE = 1000;

/** Copies from a pin and lets it go. Fails with SQLite's errors, and then leaves no copy. */
export async function copyFromPin(sqlite: Sqlite, { connection }: Pin, to: Bytes): Promise<void> {
  try {
    await sqlite.backup(connection, native(to), { rate: RATE });
  } catch (error) {
    discard(to);
    throw error;
  } finally {
    connection.close();
  }
}

/** Makes a private copy a single file and checks it. */
export function finish(sqlite: Sqlite, copy: Bytes, pinned: PinnedDatabase, blockedMs: number): CopyOutcome {
  const checks = checkCopy(sqlite, copy);
  const size = statSync(native(copy)).size;
  const { pageCount, userVersion, journalMode } = pinned;
  return { status: "copied", database: { size, blockedMs, ...checks, pageCount, userVersion, journalMode } };
}

/** Makes a private copy a single file and says what the checks of SQLite find in it. */
export function checkCopy(sqlite: Sqlite, copy: Bytes): Pick<CopiedDatabase, "integrity" | "foreignKeys"> {
  const connection = new sqlite.DatabaseSync(native(copy), { defensive: false });
  try {
    connection.exec("PRAGMA synchronous = OFF; PRAGMA writable_schema = ON; PRAGMA journal_mode = DELETE");
    connection.exec("PRAGMA writable_schema = RESET; PRAGMA trusted_schema = OFF");
    const said = column(connection, "integrity_check", "pragma_integrity_check").map(String);
    if (said.join() !== "ok") return { integrity: { problems: said.slice(0, 10).join("\n") } };
    return { integrity: "ok", ...(refersToNothing(connection) && { foreignKeys: "violated" }) };
  } catch (error) {
    const complaint = complaintOf(error);
    if (complaint === "full") throw error;
    const message = messageOf(error);
    return { integrity: complaint === "not-a-database" ? { problems: message } : { unchecked: message } };
  } finally {
    connection.close();
  }
}

/** A check that cannot run, since a key fits no index of what it refers to, says nothing of the rows. */
function refersToNothing(connection: Connection): boolean {
  try {
    return column(connection, "1", "(SELECT 1 FROM pragma_foreign_key_check LIMIT 1)").length > 0;
  } catch (error) {
    if (complaintOf(error) === "full") throw error;
    return false;
  }
}
