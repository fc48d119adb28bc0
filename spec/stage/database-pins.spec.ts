import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { databasePins } from "../../lib/stage/database-pins.js";
import { loadSqlite, valueOf, type Connection, type Sqlite } from "../../lib/stage/sqlite.js";

describe("databasePins", () => {
  let real: Sqlite;
  let root: string;
  let live: string;
  let staged: string;

  before(async () => {
    real = await loadSqlite();
  });
  beforeEach(() => {
    root = fs.mkdtempSync(join(tmpdir(), "holdstill-pins-"));
    live = join(root, "live.db");
    staged = join(root, "staged.db");
    const connection = new real.DatabaseSync(live);
    connection.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    connection.close();
  });
  afterEach(() => {
    fs.rmSync(root, { recursive: true });
  });

  /** SQLite, but something happens before the first private copy is opened: right after it was taken at rest. */
  function sqliteWith(event: () => void): Sqlite {
    let happened = false;
    const DatabaseSync = new Proxy(real.DatabaseSync, {
      construct: (target, args: ConstructorParameters<typeof real.DatabaseSync>) => {
        if (!happened && args[0].toString() === staged) {
          happened = true;
          event();
        }
        return new target(...args);
      },
    });
    return { DatabaseSync, backup: real.backup };
  }

  function count(): unknown {
    const copy = new real.DatabaseSync(staged, { readOnly: true });
    try {
      return valueOf(copy, "count(*)", "t");
    } finally {
      copy.close();
    }
  }

  it("pins a database anew that its program opened while it was copied at rest", async () => {
    const programs: Connection[] = [];
    const pins = databasePins(
      sqliteWith(() => {
        const program = new real.DatabaseSync(live);
        program.exec("INSERT INTO t VALUES (2)");
        programs.push(program);
      }),
    );
    const [outcome] = await pins.pin([{ path: bytesOf(live), to: bytesOf(staged) }]);
    for (const program of programs) program.exec("INSERT INTO t VALUES (3)");
    expect(outcome).to.have.property("status", "pinned");
    expect(await pins.copy(bytesOf(live))).to.have.nested.property("database.integrity", "ok");
    expect(count()).to.equal(2);
    for (const program of programs) program.close();
  });

  it("calls one vanished that was deleted while it was copied at rest", async () => {
    const pins = databasePins(sqliteWith(() => fs.unlinkSync(live)));
    const [outcome] = await pins.pin([{ path: bytesOf(live), to: bytesOf(staged) }]);
    expect(outcome).to.have.property("status", "vanished");
    expect(fs.readdirSync(root)).to.deep.equal([]);
  });

  it("fails if the stage is gone, and not as if the database were", async () => {
    const pins = databasePins(real);
    const to = bytesOf(join(root, "no-stage", "copy.db"));
    const failure = await pins.pin([{ path: bytesOf(live), to }]).catch((error: unknown) => error);
    expect(failure).to.have.property("code", "ENOENT");
  });
});
