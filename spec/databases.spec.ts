import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf, type Bytes } from "../lib/bytes.js";
import { disk, type Filesystem } from "../lib/filesystem.js";
import { loadSqlite, valueOf, type Sqlite } from "../lib/stage/sqlite.js";
import { verifyLine, verifyLines } from "../lib/report/verify-text.js";
import { verify, type VerifyReport } from "../lib/verify.js";
import { mayDiffer, pinsWithin, readCopy, startWriter, type Writer } from "./helpers/database-writer.js";
import { fsWith, interrupted, refuse } from "./helpers/port.js";
import { createFrom, extractedPath, indexOf, surroundings } from "./helpers/run.js";
import { openElsewhere, type SqlProcess } from "./helpers/sql-process.js";
import { contents, tmpDirectory, tmpTree } from "./helpers/tree.js";

const TABLE = "CREATE TABLE t (x); INSERT INTO t VALUES (1)";

describe("a source with databases", function () {
  let sqlite: Sqlite;
  const others: SqlProcess[] = [];
  const writers: Writer[] = [];

  before(async () => {
    sqlite = await loadSqlite();
  });
  afterEach(async () => {
    for (const other of others.splice(0)) await other.kill();
    for (const writer of writers.splice(0)) await writer.stop();
  });

  function make(path: string, sql = `PRAGMA journal_mode = WAL; ${TABLE}`): void {
    const database = new sqlite.DatabaseSync(path);
    database.exec(sql);
    database.close();
  }

  async function opened(path: string, sql: string): Promise<SqlProcess> {
    const other = await openElsewhere(bytesOf(path));
    others.push(other);
    await other.run(sql);
    return other;
  }

  function read<T>(path: string, reader: (database: InstanceType<Sqlite["DatabaseSync"]>) => T): T {
    const database = new sqlite.DatabaseSync(path);
    try {
      return reader(database);
    } finally {
      database.close();
    }
  }

  function lineOf(lines: readonly Record<string, unknown>[], path: string): Record<string, unknown> {
    const line = lines.find((one) => one["path"] === path);
    if (!line) throw new Error(`not in the index: ${path}`);
    return line;
  }

  it("holds a committed state of each, the pair of one writer in step, and none of their sidecars", async function () {
    const source = tmpTree({ state: { "x.txt": "x" } });
    const paths = [join(source, "a.sqlite"), join(source, "state/b.db")] as const;
    const writer = await startWriter({ paths, journalMode: "wal", size: 4 });
    writers.push(writer);
    for (let round = 0; round < 3; round++) {
      const report = await createFrom(source);
      const lines = indexOf(report);
      const target = extractedPath(report, source);
      expect(readdirSync(target).sort()).to.deep.equal(["a.sqlite", "state"]);
      const readings = [join(target, "a.sqlite"), join(target, "state/b.db")].map((path) => read(path, readCopy));
      expect(readings.map(({ sum }) => sum)).to.deep.equal([0, 0]);
      const found = ["a.sqlite", "state/b.db"].map((path) => lineOf(lines, path));
      const moments = found.map(({ capture }) => Date.parse((capture as { at: string }).at));
      const apart = Math.abs((readings[0]?.last ?? 0) - (readings[1]?.last ?? 0));
      expect(apart).to.be.at.most(mayDiffer(readings, pinsWithin(moments, report.frozen.databaseSkewMs)));
      for (const line of found) {
        expect(line).to.have.nested.include({ "capture.method": "database", "database.integrity": "ok" });
        expect(line["database"]).to.include({ journalMode: "wal", blockedMs: 0, userVersion: 0 });
      }
      expect(report.counts.databases).to.equal(2);
      expect(report.capture.database).to.equal(2);
      expect(report.frozen.databaseSkewMs).to.be.at.least(0);
      expect(report.complete).to.equal(true);
      const sidecars = lines.filter(({ type, rule }) => type === "skip" && rule === "sqlite:sidecar");
      expect(sidecars.map(({ path }) => path)).to.include.members(["a.sqlite-wal", "a.sqlite-shm"]);
    }
    writers.length = 0;
    expect(await writer.stop()).to.have.property("refused", 0);
  });

  it("leaves nothing in the source that was not there", async () => {
    const source = tmpTree({});
    make(join(source, "wal.sqlite"));
    make(join(source, "delete.sqlite"), TABLE);
    const before = contents(source);
    await createFrom(source);
    expect(contents(source)).to.deep.equal(before);
  });

  for (const strategy of ["link", "copy"] as const) {
    it(`pins one that turns up during the walk (${strategy})`, async () => {
      const source = tmpTree({ z: { "keep.txt": "" } });
      const turned = whenWalking("z", () => make(join(source, "z/new.sqlite")));
      const report = await createFrom(source, { strategy }, { fs: turned.fs });
      expect(turned.came()).to.equal(true);
      expect(lineOf(indexOf(report), "z/new.sqlite")).to.have.nested.property("capture.method", "database");
      expect(report.counts.databases).to.equal(1);
    });
  }

  it("takes one as a database that is named like lines of text, with what its log holds", async () => {
    const source = tmpTree({});
    const path = join(source, "lines.jsonl");
    await opened(path, `PRAGMA journal_mode = WAL; ${TABLE}; PRAGMA user_version = 7`);
    expect(statSync(`${path}-wal`).size).to.be.greaterThan(0);
    const report = await createFrom(source);
    expect(lineOf(indexOf(report), "lines.jsonl")).to.have.nested.property("capture.method", "database");
    const version = read(join(extractedPath(report, source), "lines.jsonl"), (one) =>
      Number(valueOf(one, "user_version", "pragma_user_version")),
    );
    expect(version).to.equal(7);
  });

  it("holds one that took another's place, under its old or its new name", async () => {
    const source = tmpTree({ a: {}, b: {} });
    make(join(source, "a/old.sqlite"), `${TABLE}; PRAGMA user_version = 1`);
    make(join(source, "b/new.sqlite"), `${TABLE}; PRAGMA user_version = 2`);
    const replaced = whenWalking("a", () => renameSync(join(source, "b/new.sqlite"), join(source, "a/old.sqlite")));
    const report = await createFrom(source, {}, { fs: replaced.fs });
    expect(replaced.came()).to.equal(true);
    const target = extractedPath(report, source);
    const versions = Object.keys(contents(target))
      .filter((path) => path.endsWith(".sqlite"))
      .map((path) => read(join(target, path), (one) => Number(valueOf(one, "user_version", "pragma_user_version"))));
    expect(versions).to.include(2);
  });

  it("calls one unreadable that is locked exclusively, and the run incomplete", async () => {
    const source = tmpTree({ "x.txt": "x" });
    const path = join(source, "locked.sqlite");
    make(path, TABLE);
    await opened(path, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; INSERT INTO t VALUES (2); SELECT 1");
    const report = await createFrom(source);
    expect(report.complete).to.equal(false);
    expect(report.skipped).to.have.length(1);
    expect(report.skipped[0]).to.include({ path: "locked.sqlite", reason: "unreadable" });
    expect(contents(extractedPath(report, source))).to.deep.equal({ "x.txt": "x" });
  });

  it("keeps the bytes of a file that only begins like a database, and says why they are not to be trusted", async () => {
    const bytes = Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(4080, 7)]);
    const source = tmpTree({ "bad.sqlite": bytes, "empty.sqlite": "" });
    const report = await createFrom(source);
    expect(report.complete).to.equal(false);
    expect(report.unstable).to.deep.equal([{ path: "bad.sqlite", source: 0, reason: "file is not a database" }]);
    expect(lineOf(indexOf(report), "empty.sqlite")).to.have.nested.property("capture.verdict", "exact");
    expect(readFileSync(join(extractedPath(report, source), "bad.sqlite"))).to.deep.equal(bytes);
  });

  it("keeps a damaged database and says what is wrong with it", async () => {
    const source = tmpTree({});
    const path = join(source, "damaged.sqlite");
    make(path, TABLE);
    spoil(path);
    const report = await createFrom(source);
    expect(report.complete).to.equal(false);
    expect(report.warnings.join()).to.match(/the database damaged\.sqlite is damaged/);
    const found = (await verify(report.archive, surroundings())) as VerifyReport;
    expect(found).to.deep.include({ databases: 1, unchecked: [] });
    expect(found.damaged).to.have.length(1);
    expect(found.damaged[0]?.path).to.match(/\/source\/damaged\.sqlite$/);
    expect(verifyLines(found).join("\n")).to.include(`damaged.sqlite: ${found.damaged[0]?.problems}`);
    expect(verifyLine(found)).to.match(/; 1 database damaged since before its capture$/);
  });

  it("has verify say of a database that it could not be checked, and why, as when it was captured", async () => {
    const source = tmpTree({});
    const database = new sqlite.DatabaseSync(join(source, "odd.sqlite"), { defensive: false });
    const schema = "UPDATE sqlite_schema SET sql = 'CREATE TABLE t (x COLLATE mine)' WHERE name = 't'";
    database.exec(`CREATE TABLE t (x); CREATE INDEX i ON t (x); PRAGMA writable_schema = ON; ${schema}`);
    database.close();
    const { archive } = await createFrom(source);
    const { unchecked, damaged } = (await verify(archive, surroundings())) as VerifyReport;
    expect(damaged).to.deep.equal([]);
    expect(unchecked).to.have.length(1);
    expect(unchecked[0]).to.match(/odd\.sqlite could not be checked: .*mine/);
  });

  it("cannot be verified without a directory for temporary files, which is said", async () => {
    const source = tmpTree({});
    make(join(source, "x.sqlite"));
    const { archive } = await createFrom(source);
    const TMPDIR = join(source, "gone");
    const failure = await verify(archive, surroundings({ env: { TMPDIR } })).catch((error: unknown) => error);
    expect(failure)
      .to.include({ code: "output-unusable", path: TMPDIR })
      .and.have.property("hint")
      .that.includes("TMPDIR");
  });

  it("cannot be verified where the directory for temporary files is full, which is said", async () => {
    const source = tmpTree({});
    make(join(source, "x.sqlite"));
    const { archive } = await createFrom(source);
    const around = surroundings({ fs: fsWith({ write: refuse("ENOSPC") }) });
    const TMPDIR = around.homedir;
    const failure = await verify(archive, { ...around, env: { TMPDIR } }).catch((error: unknown) => error);
    expect(failure).to.include({ code: "no-space", path: TMPDIR }).and.have.property("hint").that.includes("TMPDIR");
    expect(readdirSync(TMPDIR)).to.deep.equal([]);
  });

  it("is not copied where what its log holds would fill the disk", async () => {
    const source = tmpTree({});
    const path = join(source, "x.sqlite");
    const writer = await opened(path, "PRAGMA journal_mode = WAL; CREATE TABLE t (x); SELECT 1");
    await writer.run("INSERT INTO t VALUES (zeroblob(2000000)); SELECT 1");
    await writer.kill();
    rmSync(`${path}-shm`);
    expect(statSync(path).size).to.equal(4096);
    const total = 1 << 30;
    const space: Filesystem["space"] = () => ({ total, available: total * 0.05 + 1_000_000 });
    const failure = await createFrom(source, {}, { fs: fsWith({ space }) }).catch((error: unknown) => error);
    expect(failure).to.include({ code: "no-space" }).and.have.property("message").that.includes("would fill the disk");
  });

  it("has nothing of a log that a link beside a database leads to, and says so", async () => {
    const source = tmpTree({});
    make(join(source, "x.sqlite"), TABLE);
    const secret = join(source, "../secret.sqlite");
    await opened(secret, "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES ('hunter2'); SELECT 1");
    symlinkSync(`${secret}-wal`, join(source, "x.sqlite-wal"));
    const bytes = readFileSync(join(source, "x.sqlite"));
    const report = await createFrom(source);
    expect(report.complete).to.equal(false);
    const reason = "its -wal is a symbolic link: not followed";
    expect(report.unstable).to.deep.equal([{ path: "x.sqlite", source: 0, reason }]);
    expect(readFileSync(join(extractedPath(report, source), "x.sqlite"))).to.deep.equal(bytes);
    expect(readFileSync(`${secret}-wal`).includes("hunter2")).to.equal(true);
    expect(readFileSync(report.archive).includes("hunter2")).to.equal(false);
  });

  it("makes a hard link of the second name of one", async () => {
    const source = tmpTree({});
    make(join(source, "b.sqlite"));
    linkSync(join(source, "b.sqlite"), join(source, "a.sqlite"));
    const report = await createFrom(source);
    expect(report.counts).to.include({ files: 1, hardlinks: 1, databases: 1 });
  });

  it("fails cleanly when the database process is killed", async () => {
    const source = tmpTree({ a: {} });
    make(join(source, "a.sqlite"));
    const output = join(tmpDirectory(), "archives");
    const killed = whenWalking("a", killDatabaseProcess);
    const failure = await createFrom(source, { output }, { fs: killed.fs }).catch((error: unknown) => error);
    expect(killed.came()).to.equal(true);
    expect(failure)
      .to.include({ code: "io" })
      .and.have.property("message")
      .that.matches(/database process/);
    expect(readdirSync(output)).to.deep.equal([".holdstill"]);
    expect(readdirSync(join(source, ".."))).to.deep.equal(["source"]);
  });

  it("is refused by verify where a database is damaged that was sound", async () => {
    const source = tmpTree({});
    make(join(source, "x.sqlite"));
    const isStaged = (path: Bytes): boolean => /^\/proc\/self\/fd\/\d+\/0\/0$/.test(path);
    let staged = "";
    const spoilt = interrupted(
      "before",
      "openRead",
      (path) => isStaged((staged = path)),
      () => spoil(staged),
    );
    const { archive } = await createFrom(source, {}, { fs: spoilt.fs });
    expect(spoilt.came()).to.equal(true);
    const around = surroundings();
    const failure = await verify(archive, { ...around, env: { ...around.env, TMPDIR: around.homedir } }).catch(
      (error: unknown) => error,
    );
    expect(failure)
      .to.include({ code: "bad-archive" })
      .and.have.property("message")
      .that.matches(/x\.sqlite is damaged/);
    expect(readdirSync(around.homedir)).to.deep.equal([]);
  });
});

/** A disk on which `act` happens when a directory is opened by the walk: the search for databases opened it before. */
function whenWalking(name: string, act: () => void): { readonly fs: Filesystem; readonly came: () => boolean } {
  let opened = 0;
  const openDirectory: Filesystem["openDirectory"] = (path) => {
    if (path.endsWith(`/${name}`) && ++opened === 2) act();
    return disk.openDirectory(path);
  };
  return { fs: fsWith({ openDirectory }), came: () => opened >= 2 };
}

/** Overwrites the second page of a database: its only table. */
function spoil(path: string): void {
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.alloc(64, 0xff), 0, 64, 4096);
  closeSync(fd);
}

function killDatabaseProcess(): void {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
  const found = children.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("database-child"));
  expect(found).to.have.length(1);
  for (const pid of found) process.kill(Number(pid), "SIGKILL");
}
