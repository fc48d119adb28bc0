import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { bytesOf, type Bytes } from "../../lib/bytes.js";
import {
  isSidecarOf,
  looksLikeDatabase,
  startDatabaseChild,
  type CopiedDatabase,
  type CopyOutcome,
  type DatabaseChild,
  type PinOutcome,
  type PinRequest,
  type PinnedDatabase,
} from "../../lib/stage/database.js";
import { fileOf, filesBehind } from "../../lib/stage/database-place.js";
import { loadSqlite, valueOf, type Connection, type Sqlite } from "../../lib/stage/sqlite.js";
import { mayDiffer, readCopy, startWriter, type Reading } from "../helpers/database-writer.js";
import { openElsewhere, type SqlProcess } from "../helpers/sql-process.js";
import { tmpDirectory } from "../helpers/tree.js";

const TABLE = "CREATE TABLE t (x); INSERT INTO t VALUES (1)";
const WAL = `PRAGMA journal_mode = WAL; ${TABLE}`;

function native(path: Bytes): Buffer {
  return Buffer.from(path, "latin1");
}

/** Of what is there; of nothing, inode 0. */
function request(path: Bytes, to: Bytes): PinRequest {
  const { dev, ino } = fs.lstatSync(native(path), { throwIfNoEntry: false }) ?? { dev: 0, ino: 0 };
  return { path, dev, ino, to };
}

function pinned(outcome: PinOutcome | undefined): PinnedDatabase {
  if (outcome?.status !== "pinned") throw new Error(`not pinned: ${JSON.stringify(outcome)}`);
  return outcome.database;
}

function copied(outcome: CopyOutcome): CopiedDatabase {
  if (outcome.status !== "copied") throw new Error(`not copied: ${JSON.stringify(outcome)}`);
  return outcome.database;
}

describe("database child", function () {
  this.timeout(60_000);
  let sqlite: Sqlite;
  let root: string;
  let live: Bytes;
  let stage: Bytes;
  let child: DatabaseChild;
  let abort: AbortController;
  const others: SqlProcess[] = [];

  before(async () => {
    sqlite = await loadSqlite();
  });
  beforeEach(async () => {
    root = fs.mkdtempSync(join(tmpdir(), "holdstill-database-"));
    live = bytesOf(join(root, "live"));
    stage = bytesOf(join(root, "stage"));
    fs.mkdirSync(native(live));
    fs.mkdirSync(native(stage), 0o700);
    abort = new AbortController();
    child = await startDatabaseChild({ signal: abort.signal });
  });
  afterEach(async () => {
    await child.close();
    for (const other of others.splice(0)) await other.kill();
    fs.rmSync(root, { recursive: true });
  });

  function at(name: string): Bytes {
    return `${live}/${name}` as Bytes;
  }

  function staged(name: string): Bytes {
    return `${stage}/${name}` as Bytes;
  }

  /** Creates a database and closes it properly. */
  function create(path: Bytes, ...sql: string[]): Bytes {
    const connection = new sqlite.DatabaseSync(native(path));
    for (const statement of sql) connection.exec(statement);
    connection.close();
    return path;
  }

  async function open(path: Bytes, ...sql: string[]): Promise<SqlProcess> {
    const other = await openElsewhere(path);
    others.push(other);
    for (const statement of sql) expect(await other.run(statement)).not.to.have.property("error");
    return other;
  }

  async function pin(path: Bytes, to = staged("copy.db")): Promise<PinOutcome | undefined> {
    const [outcome] = await child.pin([request(path, to)]);
    return outcome;
  }

  async function take(path: Bytes, to = staged("copy.db")): Promise<CopiedDatabase> {
    pinned(await pin(path, to));
    return copied(await child.copy(path));
  }

  function ask<T>(copy: Bytes, question: (connection: Connection) => T): T {
    const connection = new sqlite.DatabaseSync(native(copy), { readOnly: true });
    try {
      return question(connection);
    } finally {
      connection.close();
    }
  }

  function count(copy: Bytes): unknown {
    return ask(copy, (connection) => valueOf(connection, "count(*)", "t"));
  }

  function names(directory: Bytes): string[] {
    return fs.readdirSync(native(directory), { encoding: "latin1" }).sort();
  }

  /** A directory but for access times, and for the ctime of a journal, whose owner SQLite sets anew as root. */
  function state(directory: Bytes): string[] {
    return names(directory).map((name) => {
      const stat = fs.lstatSync(native(`${directory}/${name}` as Bytes), { bigint: true });
      return [name, stat.ino, stat.size, stat.mtimeNs, stat.mode, stat.uid].join(" ");
    });
  }

  function childPid(): number {
    return Number(execFileSync("pgrep", ["-P", String(process.pid), "-f", "database-child"]).toString());
  }

  /** Whether a process runs; one that has ended and waits for its parent to notice does not. */
  function isRunning(pid: number): boolean {
    try {
      return !/^State:\tZ/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false;
    }
  }

  function openFiles(pid: number): string[] {
    const links = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`);
    return links.map((link) => fs.readlinkSync(link));
  }

  describe("beside a writer", () => {
    it("shows the moment of the pin, however much is committed before the copy", async () => {
      const writer = await open(
        at("a.db"),
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE t (x)",
        "INSERT INTO t VALUES (1)",
      );
      const before = names(live);
      const database = pinned(await pin(at("a.db")));
      await writer.run("INSERT INTO t VALUES (2)");
      const copy = copied(await child.copy(at("a.db")));
      expect(count(staged("copy.db"))).to.equal(1);
      expect(copy).to.include({ blockedMs: 0, integrity: "ok", journalMode: "wal", pageCount: 2, userVersion: 0 });
      expect(copy.size).to.equal(copy.pageCount * 4096);
      expect(database.journalMode).to.equal("wal");
      expect(names(live)).to.deep.equal(before);
      expect(names(stage)).to.deep.equal(["copy.db"]);
    });

    it("lets go of the original with its copy", async () => {
      await open(at("a.db"), "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)");
      const held = () => openFiles(childPid()).filter((path) => path.startsWith(live));
      await pin(at("a.db"));
      expect(held()).to.include(at("a.db"));
      await child.copy(at("a.db"));
      expect(held()).to.deep.equal([]);
    });

    it("lets a program in WAL mode write while it holds the pin", async () => {
      const writer = await open(at("a.db"), "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)");
      await pin(at("a.db"));
      expect(await writer.run("INSERT INTO t VALUES (2) RETURNING x")).to.deep.equal({ rows: [[2]] });
    });

    it("releases a program in rollback mode before pin() resolves, and says for how long it was blocked", async () => {
      const writer = await open(at("a.db"), "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)");
      await pin(at("a.db"));
      expect(await writer.run("INSERT INTO t VALUES (2) RETURNING x")).to.deep.equal({ rows: [[2]] });
      const copy = copied(await child.copy(at("a.db")));
      expect(copy.journalMode).to.equal("delete");
      expect(copy.blockedMs).to.be.greaterThan(0);
      expect(count(staged("copy.db"))).to.equal(1);
    });

    it("keeps its pin while we open, read and close the file", async () => {
      const writer = await open(
        at("a.db"),
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE t (x)",
        "INSERT INTO t VALUES (1)",
      );
      await pin(at("a.db"));
      touchAll();
      await writer.run("INSERT INTO t VALUES (2)");
      expect(await writer.run("PRAGMA wal_checkpoint(TRUNCATE)")).to.have.nested.property("rows[0][0]", 1);
      await child.copy(at("a.db"));
      expect(count(staged("copy.db"))).to.equal(1);
    });

    it("would lose a pin in the process that opens, reads and closes the file", async () => {
      const writer = await open(
        at("a.db"),
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE t (x)",
        "INSERT INTO t VALUES (1)",
      );
      const mine = new sqlite.DatabaseSync(native(at("a.db")), { readOnly: true });
      mine.exec("BEGIN");
      expect(valueOf(mine, "count(*)", "t")).to.equal(1);
      await writer.run("INSERT INTO t VALUES (2)");
      expect(await writer.run("PRAGMA wal_checkpoint(TRUNCATE)")).to.have.nested.property("rows[0][0]", 1);
      touchAll();
      expect(await writer.run("PRAGMA wal_checkpoint(TRUNCATE)")).to.have.nested.property("rows[0][0]", 0);
      mine.close();
    });

    for (const journalMode of ["wal", "delete"] as const) {
      it(`copies a pair at full speed in ${journalMode} mode: both whole, and in step`, async () => {
        const paths = [join(root, "live", "a.db"), join(root, "live", "b.db")] as const;
        const writer = await startWriter({ paths, journalMode, size: 5 });
        const before = names(live).filter((name) => !name.endsWith("-journal"));
        for (let round = 0; round < 3; round++) {
          await expectPair(paths.map(bytesOf), round);
        }
        expect(names(live).filter((name) => !name.endsWith("-journal"))).to.deep.equal(before);
        const stats = await writer.stop();
        if (journalMode === "wal") expect(stats.refused).to.equal(0);
      });
    }
  });

  async function expectPair(paths: Bytes[], round: number): Promise<void> {
    const requests = paths.map((path, which) => request(path, staged(`${round}-${which}.db`)));
    const pins = (await child.pin(requests)).map(pinned);
    const moments = pins.flatMap(({ pinning, pinnedAt }) => [pinning, pinnedAt]);
    const readings: Reading[] = [];
    for (const { path, to } of requests) {
      expect(copied(await child.copy(path)).integrity).to.equal("ok");
      readings.push(ask(to, readCopy));
    }
    const [a, b] = readings as [Reading, Reading];
    expect([a.sum, b.sum]).to.deep.equal([0, 0]);
    expect(Math.abs(a.last - b.last)).to.be.at.most(mayDiffer(readings, moments));
    await child.close();
    child = await startDatabaseChild({ signal: abort.signal });
  }

  /** What a program that reads the tree does with each file. */
  function touchAll(): void {
    for (const name of names(live)) {
      const fd = fs.openSync(native(at(name)), "r");
      fs.readSync(fd, Buffer.alloc(100));
      fs.closeSync(fd);
      fs.linkSync(native(at(name)), native(staged(name)));
      fs.unlinkSync(native(staged(name)));
    }
  }

  describe("after a crash", () => {
    async function crash(): Promise<void> {
      const writer = await open(
        at("a.db"),
        "CREATE TABLE t (x, padding)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT 1, randomblob(2000) FROM n",
        "PRAGMA cache_size = 5",
        "BEGIN",
        "UPDATE t SET x = 2, padding = randomblob(2000)",
      );
      await writer.kill();
      expect(fs.statSync(native(at("a.db-journal"))).size).to.be.greaterThan(4096);
    }

    it("rolls a hot journal back in the stage, and leaves the live one hot", async () => {
      await crash();
      const before = state(live);
      expect(await take(at("a.db"))).to.include({ integrity: "ok", blockedMs: 0 });
      expect(ask(staged("copy.db"), (copy) => valueOf(copy, "count(*)", "t WHERE x = 1"))).to.equal(500);
      expect(state(live)).to.deep.equal(before);
      expect(names(stage)).to.deep.equal(["copy.db"]);
    });

    it("would read torn rows without the journal", async () => {
      await crash();
      fs.copyFileSync(native(at("a.db")), native(staged("torn.db")));
      const whole = ask(staged("torn.db"), (copy) => {
        try {
          return (
            valueOf(copy, "integrity_check", "pragma_integrity_check") === "ok" &&
            valueOf(copy, "count(*)", "t WHERE x = 1") === 500
          );
        } catch {
          return false;
        }
      });
      expect(whole).to.equal(false);
    });

    it("keeps what was committed to a write-ahead log that nobody has open", async () => {
      const writer = await open(
        at("a.db"),
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE t (x)",
        "INSERT INTO t VALUES (1)",
      );
      await writer.kill();
      fs.rmSync(native(at("a.db-shm")));
      const before = state(live);
      expect(await take(at("a.db"))).to.include({ integrity: "ok", journalMode: "wal" });
      expect(count(staged("copy.db"))).to.equal(1);
      expect(state(live)).to.deep.equal(before);
    });
  });

  it("leaves nothing beside a WAL database that nobody has open", async () => {
    create(at("a.db"), WAL);
    const before = state(live);
    expect(await take(at("a.db"))).to.include({ integrity: "ok", journalMode: "wal", blockedMs: 0 });
    expect(count(staged("copy.db"))).to.equal(1);
    expect(state(live)).to.deep.equal(before);
  });

  it("calls a database busy that somebody keeps locked", async () => {
    await open(at("a.db"), "PRAGMA locking_mode = EXCLUSIVE", "CREATE TABLE t (x)");
    expect(await pin(at("a.db"))).to.have.property("status", "busy");
    expect(await child.copy(at("a.db"))).to.have.property("status", "failed");
  });

  it("waits for a lock that is given up", async () => {
    const writer = await open(at("a.db"), "CREATE TABLE t (x)", "BEGIN EXCLUSIVE");
    const outcome = pin(at("a.db"));
    await writer.run("COMMIT");
    expect(await outcome).to.have.property("status", "pinned");
  });

  describe("of odd content", () => {
    it("refuses what has the magic and then no header", async () => {
      fs.writeFileSync(native(at("a.db")), Buffer.concat([Buffer.from("SQLite format 3\0"), randomBytes(4080)]));
      expect(await pin(at("a.db"))).to.have.property("status", "not-a-database");
      expect(names(stage)).to.deep.equal([]);
    });

    it("refuses random pages behind a WAL header, and leaves nothing beside them", async () => {
      const header = Buffer.from("SQLite format 3\0\x10\0\x02\x02\0\x40\x20\x20", "latin1");
      fs.writeFileSync(native(at("a.db")), Buffer.concat([header, randomBytes(8192 - header.length)]));
      expect(await pin(at("a.db"))).to.have.property("status", "not-a-database");
      expect(names(live)).to.deep.equal(["a.db"]);
      expect(names(stage)).to.deep.equal([]);
    });

    it("copies damaged pages as they are and says what is wrong", async () => {
      const rows =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO t SELECT randomblob(900) FROM n";
      create(at("a.db"), "CREATE TABLE t (x)", rows);
      const fd = fs.openSync(native(at("a.db")), "r+");
      fs.writeSync(fd, Buffer.alloc(4096, 0xee), 0, 4096, 4 * 4096);
      fs.closeSync(fd);
      expect((await take(at("a.db"))).integrity)
        .to.have.property("problems")
        .that.matches(/page|malformed/i);
    });

    it("says where rows refer to rows that are not there", async () => {
      create(at("a.db"), "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (p REFERENCES p)");
      expect(await take(at("a.db"), staged("whole.db"))).not.to.have.property("foreignKeys");
      create(at("b.db"), "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (p REFERENCES p)");
      const connection = new sqlite.DatabaseSync(native(at("b.db")));
      connection.exec("PRAGMA foreign_keys = OFF; INSERT INTO t VALUES (1)");
      connection.close();
      expect(await take(at("b.db"))).to.include({ integrity: "ok", foreignKeys: "violated" });
    });

    it("copies a schema that cannot be parsed and says so", async () => {
      const schema = "UPDATE sqlite_schema SET sql = 'CREATE garbage' WHERE name = 't'";
      const connection = new sqlite.DatabaseSync(native(at("a.db")), { defensive: false });
      connection.exec(`${TABLE}; PRAGMA writable_schema = ON; ${schema}`);
      connection.close();
      expect((await take(at("a.db"))).integrity)
        .to.have.property("problems")
        .that.matches(/malformed/);
      expect(fs.statSync(native(staged("copy.db"))).size).to.equal(fs.statSync(native(at("a.db"))).size);
    });

    it("copies what needs a function that we lack, unchecked", async () => {
      const connection = new sqlite.DatabaseSync(native(at("a.db")));
      connection.function("twice", { deterministic: true }, (x) => Number(x) * 2);
      connection.exec(`${TABLE}; CREATE INDEX i ON t (twice(x))`);
      connection.close();
      expect((await take(at("a.db"))).integrity)
        .to.have.property("unchecked")
        .that.includes("twice");
      expect(count(staged("copy.db"))).to.equal(1);
    });

    it("copies a table with a collation that we lack, unchecked", async () => {
      const schema = "UPDATE sqlite_schema SET sql = 'CREATE TABLE t (x COLLATE mine)' WHERE name = 't'";
      const connection = new sqlite.DatabaseSync(native(at("a.db")), { defensive: false });
      connection.exec(`CREATE TABLE t (x); CREATE INDEX i ON t (x); PRAGMA writable_schema = ON; ${schema}`);
      connection.close();
      expect((await take(at("a.db"))).integrity)
        .to.have.property("unchecked")
        .that.includes("mine");
    });

    it("copies a virtual table of a module that we lack, beside rows that are checked", async () => {
      const row =
        "INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING vec0(e float[4])')";
      const connection = new sqlite.DatabaseSync(native(at("a.db")), { defensive: false });
      connection.exec(`${TABLE}; PRAGMA writable_schema = ON; ${row}; PRAGMA user_version = 7`);
      connection.close();
      expect(await take(at("a.db"))).to.include({ integrity: "ok", userVersion: 7 });
      expect(count(staged("copy.db"))).to.equal(1);
    });
  });

  for (const [mode, sql] of Object.entries({ wal: WAL, delete: TABLE })) {
    it(`in ${mode} mode, in whose place a FIFO comes right before it is opened, is vanished, and is not waited for`, async () => {
      create(at("a.db"), sql);
      const path = join(root, "live", "a.db");
      // At rest it would be copied as bytes.
      if (mode === "wal") fs.writeFileSync(`${path}-shm`, "");
      const preload = new URL("fifo-preload.js", import.meta.url).href;
      process.env["NODE_OPTIONS"] = `--import ${preload}`;
      process.env["HOLDSTILL_SPEC_FIFO"] = path;
      const other = await startDatabaseChild({ signal: new AbortController().signal });
      delete process.env["NODE_OPTIONS"];
      delete process.env["HOLDSTILL_SPEC_FIFO"];
      try {
        const { dev, ino } = fs.statSync(path);
        const [outcome] = await other.pin([{ path: at("a.db"), dev, ino, to: staged("copy.db") }]);
        expect(fs.lstatSync(path).isFIFO()).to.equal(true);
        expect(outcome).to.include({ status: "vanished" });
        expect(names(stage)).to.deep.equal([]);
      } finally {
        await other.close();
      }
    });
  }

  describe("beside which lies something that is no file", () => {
    const odd = {
      directory: (path: string) => fs.mkdirSync(path),
      FIFO: (path: string) => execFileSync("mkfifo", [path]),
    };
    for (const [kind, make] of Object.entries(odd)) {
      for (const suffix of ["-wal", "-journal", "-shm"]) {
        for (const [mode, sql] of Object.entries({ wal: WAL, delete: TABLE })) {
          it(`copies a database in ${mode} mode, and leaves alone a ${kind} that is called ${suffix}`, async () => {
            create(at("a.db"), sql);
            make(join(root, "live", `a.db${suffix}`));
            expect(await take(at("a.db"))).to.include({ integrity: "ok", blockedMs: 0 });
            expect(count(staged("copy.db"))).to.equal(1);
            expect(names(live)).to.deep.equal(["a.db", `a.db${suffix}`]);
          });
        }
      }
    }

    for (const suffix of ["-wal", "-journal"]) {
      for (const [mode, sql] of Object.entries({ wal: WAL, delete: TABLE })) {
        it(`follows no link that is called ${suffix} in ${mode} mode, dangling or not`, async () => {
          create(at("a.db"), sql);
          fs.symlinkSync(join(root, "secret"), join(root, "live", `a.db${suffix}`));
          const refused = { status: "unreadable", reason: `its ${suffix} is a symbolic link: not followed` };
          expect(await pin(at("a.db"))).to.deep.equal(refused);
          fs.writeFileSync(join(root, "secret"), "secret");
          expect(await pin(at("a.db"))).to.deep.equal(refused);
          expect(names(stage)).to.deep.equal([]);
          expect(names(bytesOf(root))).to.deep.equal(["live", "secret", "stage"]);
        });
      }
    }

    it("copies a database beside a link that is called -shm, which no program would follow", async () => {
      create(at("a.db"), WAL);
      fs.symlinkSync(join(root, "secret"), join(root, "live", "a.db-shm"));
      expect(await take(at("a.db"))).to.include({ integrity: "ok" });
      expect(names(bytesOf(root))).to.deep.equal(["live", "stage"]);
    });
  });

  describe("by its name", () => {
    for (const name of ["with space.db", "what?mode=memory.db", "100%20.db", "a#b.db", "it's.db", "\xff\xfe\x80.db"]) {
      it(`copies ${JSON.stringify(name)}, its log included`, async () => {
        const to = staged(`${name}.copy`);
        await open(at(name), "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)");
        const before = names(live);
        expect(await take(at(name), to)).to.include({ integrity: "ok", pageCount: 2 });
        expect(count(to)).to.equal(1);
        expect(names(live)).to.deep.equal(before);
      });
    }

    it("pins two hard links to one database once, by the name that has the log", async () => {
      await open(at("z.db"), "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)");
      fs.linkSync(native(at("z.db")), native(at("a.db")));
      const before = names(live);
      const [a, z] = await child.pin([request(at("a.db"), staged("a.db")), request(at("z.db"), staged("z.db"))]);
      expect(pinned(a)).to.deep.equal(pinned(z));
      copied(await child.copy(at("a.db")));
      copied(await child.copy(at("z.db")));
      expect([count(staged("a.db")), count(staged("z.db"))]).to.deep.equal([1, 1]);
      expect(names(live)).to.deep.equal(before);
    });
  });

  describe("that comes and goes", () => {
    it("copies a database that was deleted after its pin", async () => {
      await open(at("a.db"), "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)");
      pinned(await pin(at("a.db")));
      for (const name of names(live)) fs.rmSync(native(at(name)));
      expect(copied(await child.copy(at("a.db"))).integrity).to.equal("ok");
      expect(count(staged("copy.db"))).to.equal(1);
    });

    it("says that one vanished where another file has its name by now", async () => {
      create(at("a.db"), TABLE);
      const seen = request(at("a.db"), staged("copy.db"));
      fs.renameSync(native(at("a.db")), native(at("b.db")));
      create(at("a.db"), TABLE);
      expect((await child.pin([seen]))[0]).to.have.property("status", "vanished");
    });

    it("says that a database vanished before its pin", async () => {
      expect(await pin(at("a.db"))).to.have.property("status", "vanished");
    });

    it("pins one that was created while others are held", async () => {
      await open(at("a.db"), "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)");
      const first = pinned(await pin(at("a.db"), staged("a.db")));
      create(at("b.db"), TABLE);
      const second = pinned(await pin(at("b.db"), staged("b.db")));
      expect(second.pinnedAt).to.be.greaterThan(first.pinnedAt);
      copied(await child.copy(at("b.db")));
      copied(await child.copy(at("a.db")));
      expect(names(stage)).to.deep.equal(["a.db", "b.db"]);
    });
  });

  describe("in a directory that we may not write", () => {
    const MODULE = new URL("../../lib/stage/database.js", import.meta.url);
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

    /** Takes a database as somebody who may only read it; the stage is theirs. */
    function takeAsReader(context: Mocha.Context, path: Bytes): Record<string, unknown> {
      const access = ["-e", `fs.accessSync(process.argv[1])`, fileURLToPath(MODULE)];
      if (spawnSync(process.execPath, access, nobody).status !== 0) context.skip();
      fs.chmodSync(root, 0o755);
      fs.chmodSync(native(live), 0o555);
      if (nobody.uid !== undefined) fs.chownSync(native(stage), nobody.uid, nobody.gid);
      const program = `
        const { startDatabaseChild } = await import(${JSON.stringify(MODULE.href)});
        const [path, to, dev, ino] = process.argv.slice(1);
        const child = await startDatabaseChild({ signal: new AbortController().signal });
        const [pin] = await child.pin([{ path, to, dev: Number(dev), ino: Number(ino) }]);
        console.log(JSON.stringify(pin.status === "pinned" ? await child.copy(path) : pin));
        await child.close();
      `;
      const { dev, ino, to } = request(path, staged("copy.db"));
      const args = ["--input-type=module", "-e", program, path, to, String(dev), String(ino)];
      return JSON.parse(execFileSync(process.execPath, args, nobody).toString()) as Record<string, unknown>;
    }

    afterEach(() => {
      fs.chmodSync(native(live), 0o755);
    });

    it("copies a WAL database at rest", function () {
      create(at("a.db"), WAL);
      const before = names(live);
      expect(takeAsReader(this, at("a.db"))).to.have.nested.property("database.integrity", "ok");
      expect(count(staged("copy.db"))).to.equal(1);
      expect(names(live)).to.deep.equal(before);
    });

    it("copies one whose log nobody has open", async function () {
      const writer = await open(
        at("a.db"),
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE t (x)",
        "INSERT INTO t VALUES (1)",
      );
      await writer.kill();
      fs.rmSync(native(at("a.db-shm")));
      expect(takeAsReader(this, at("a.db"))).to.have.nested.property("database.integrity", "ok");
      expect(count(staged("copy.db"))).to.equal(1);
    });

    it("copies one that its owner has open", async function () {
      await open(at("a.db"), "PRAGMA journal_mode = WAL", "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)");
      expect(takeAsReader(this, at("a.db"))).to.have.nested.property("database.integrity", "ok");
      expect(count(staged("copy.db"))).to.equal(1);
    });

    it("says why it cannot read one at all", function () {
      if (nobody.uid === undefined) this.skip();
      create(at("a.db"), TABLE);
      fs.chmodSync(native(at("a.db")), 0o600);
      const outcome = takeAsReader(this, at("a.db"));
      expect(outcome).to.have.property("status", "unreadable");
      expect(outcome).to.have.property("reason").that.includes("EACCES");
    });
  });

  describe("as a process", () => {
    it("rejects every call once it was killed", async () => {
      await open(at("a.db"), "PRAGMA locking_mode = EXCLUSIVE", "CREATE TABLE t (x)");
      const pending = pin(at("a.db")).catch((error: unknown) => error);
      process.kill(childPid(), "SIGKILL");
      expect(await pending).to.have.property("code", "io");
      expect(await child.copy(at("a.db")).catch((error: unknown) => error)).to.have.property("code", "io");
      await child.close();
    });

    it("ends, and rejects with the reason, when the run is aborted", async () => {
      await open(at("a.db"), "PRAGMA locking_mode = EXCLUSIVE", "CREATE TABLE t (x)");
      const pending = pin(at("a.db")).catch((error: unknown) => error);
      const reason = new Error("enough");
      abort.abort(reason);
      expect(await pending).to.equal(reason);
      await child.close();
    });

    it("leads a session of its own, out of reach of Ctrl-C", () => {
      const pid = childPid();
      const session = execFileSync("ps", ["-o", "sid=", "-p", String(pid)]).toString();
      expect(Number(session)).to.equal(pid);
    });

    it("ends by itself when its parent was killed", async () => {
      const program = `
        const { startDatabaseChild } = await import(${JSON.stringify(new URL("../../lib/stage/database.js", import.meta.url).href)});
        await startDatabaseChild({ signal: new AbortController().signal });
        const { execFileSync } = await import("node:child_process");
        console.log(execFileSync("pgrep", ["-P", String(process.pid), "-f", "database-child"]).toString());
        process.kill(process.pid, "SIGKILL");
      `;
      const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program]);
      const pid = Number(stdout.toString());
      expect(pid).to.be.greaterThan(0);
      while (isRunning(pid)) await new Promise(setImmediate);
    });

    it("may be closed twice", async () => {
      await child.close();
      await child.close();
      expect(await child.copy(at("a.db")).catch((error: unknown) => error)).to.have.property("code", "io");
    });

    it("says what to install where there is no SQLite", async function () {
      if (process.getBuiltinModule?.("node:sqlite") !== undefined) this.skip();
      const alone = join(root, "alone");
      fs.cpSync(fileURLToPath(new URL("../../lib", import.meta.url)), join(alone, "lib"), { recursive: true });
      fs.writeFileSync(join(alone, "package.json"), '{"type":"module"}');
      const module = (await import(join(alone, "lib/stage/database.js"))) as {
        readonly startDatabaseChild: typeof startDatabaseChild;
      };
      const lonely = await module.startDatabaseChild({ signal: abort.signal });
      const [outcome] = await lonely.pin([request(at("a.db"), staged("a.db"))]);
      await lonely.close();
      expect(outcome).to.have.property("status", "unreadable");
      expect(outcome).to.have.property("reason").that.includes("@photostructure/sqlite");
    });
  });
});

describe("filesBehind", () => {
  it("tells of all that is open but for directories, a FIFO as well", () => {
    const root = tmpDirectory();
    execFileSync("mkfifo", [join(root, "fifo")]);
    const opened = [
      fs.openSync(root, fs.constants.O_RDONLY),
      fs.openSync(join(root, "fifo"), fs.constants.O_RDWR | fs.constants.O_NONBLOCK),
    ];
    try {
      expect(filesBehind(opened)).to.deep.equal([fileOf(fs.lstatSync(join(root, "fifo")))]);
    } finally {
      for (const fd of opened) fs.closeSync(fd);
    }
  });
});

describe("looksLikeDatabase", () => {
  const magic = Buffer.from("SQLite format 3\0and more");

  it("takes the magic and whole pages", () => {
    expect(looksLikeDatabase(magic, 512)).to.equal(true);
  });

  it("takes neither an empty file, nor half a page, nor another head", () => {
    expect(looksLikeDatabase(magic, 0)).to.equal(false);
    expect(looksLikeDatabase(magic, 513)).to.equal(false);
    expect(looksLikeDatabase(magic.subarray(0, 15), 512)).to.equal(false);
    expect(looksLikeDatabase(Buffer.from("SQLite format 4\0"), 512)).to.equal(false);
  });
});

describe("isSidecarOf", () => {
  it("knows the three files that SQLite keeps beside a database, and no others", () => {
    const found = ["a.db-wal", "a.db-shm", "a.db-journal", "a.db", "a.db-walx", "b.db-wal"];
    expect(found.filter((name) => isSidecarOf(bytesOf(name), bytesOf("a.db")))).to.deep.equal(found.slice(0, 3));
  });
});
