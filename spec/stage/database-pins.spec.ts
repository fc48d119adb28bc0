import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { databasePins } from "../../lib/stage/database-pins.js";
import type { PinRequest } from "../../lib/stage/database.js";
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

  /** SQLite, but something happens before it first opens a file: a private copy right after it was taken at rest. */
  function sqliteWith(event: () => void, file = staged): Sqlite {
    let happened = false;
    const DatabaseSync = new Proxy(real.DatabaseSync, {
      construct: (target, args: ConstructorParameters<typeof real.DatabaseSync>) => {
        if (!happened && args[0].toString() === file) {
          happened = true;
          event();
        }
        return new target(...args);
      },
    });
    return { DatabaseSync, backup: real.backup };
  }

  function request(): PinRequest {
    const { dev, ino } = fs.statSync(live);
    return { path: bytesOf(live), dev, ino, to: bytesOf(staged) };
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
    const [outcome] = await pins.pin([request()]);
    for (const program of programs) program.exec("INSERT INTO t VALUES (3)");
    expect(outcome).to.have.property("status", "pinned");
    expect(await pins.copy(bytesOf(live))).to.have.nested.property("database.integrity", "ok");
    expect(count()).to.equal(2);
    for (const program of programs) program.close();
  });

  it("calls one vanished that was deleted while it was copied at rest", async () => {
    const pins = databasePins(sqliteWith(() => fs.unlinkSync(live)));
    const [outcome] = await pins.pin([request()]);
    expect(outcome).to.have.property("status", "vanished");
    expect(fs.readdirSync(root)).to.deep.equal([]);
  });

  it("lets go of a database to which a link led that took a directory's place before it was opened", async () => {
    const [mine, secret] = [join(root, "mine"), join(root, "secret")];
    for (const directory of [mine, secret]) {
      fs.mkdirSync(directory);
      const connection = new real.DatabaseSync(join(directory, "x.db"));
      connection.exec("CREATE TABLE t (x)");
      connection.close();
    }
    const path = join(mine, "x.db");
    const swap = (): void => {
      fs.renameSync(mine, join(root, "aside"));
      fs.symlinkSync(secret, mine);
    };
    const { dev, ino } = fs.statSync(path);
    const pins = databasePins(sqliteWith(swap, path));
    const [outcome] = await pins.pin([{ path: bytesOf(path), dev, ino, to: bytesOf(staged) }]);
    expect(fs.readlinkSync(mine)).to.equal(secret);
    expect(outcome).to.have.property("status", "vanished");
    expect(fs.existsSync(staged)).to.equal(false);
  });

  it("lets go of a database beside which a link was put before it was opened", async () => {
    const connection = new real.DatabaseSync(live);
    connection.exec("PRAGMA journal_mode = DELETE");
    connection.close();
    const other = join(root, "other-wal");
    fs.writeFileSync(other, Buffer.alloc(32));
    const pins = databasePins(sqliteWith(() => fs.symlinkSync(other, `${live}-wal`), live));
    const [outcome] = await pins.pin([request()]);
    expect(outcome).to.deep.equal({ status: "unreadable", reason: "its -wal is a symbolic link: not followed" });
    expect(fs.existsSync(staged)).to.equal(false);
  });

  it("fails if the stage is gone, and not as if the database were", async () => {
    const pins = databasePins(real);
    const to = bytesOf(join(root, "no-stage", "copy.db"));
    const failure = await pins.pin([{ ...request(), to }]).catch((error: unknown) => error);
    expect(failure).to.have.property("code", "ENOENT");
  });
});
