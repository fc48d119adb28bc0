import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { startDatabaseChild, type CopiedDatabase } from "../../lib/stage/database.js";
import { loadSqlite, type Sqlite } from "../../lib/stage/sqlite.js";
import { openElsewhere } from "../helpers/sql-process.js";
import { mayDiffer, readCopy, startWriter, type Reading } from "../helpers/database-writer.js";

const RUNS = Number(process.env["HOLDSTILL_FIRE_RUNS"] ?? 8);
const MIB = 35;

interface Run {
  readonly ms: number;
  readonly skewMs: number;
  readonly blockedMs: number;
  readonly apart: number;
}

/** Databases of the size at which file copies go wrong, under a writer that never pauses. Takes minutes. */
describe("a pair of databases at full speed", function () {
  this.timeout(600_000);
  let sqlite: Sqlite;
  let root: string;

  before(async () => {
    sqlite = await loadSqlite();
  });
  beforeEach(() => {
    root = fs.mkdtempSync(join(tmpdir(), "holdstill-databases-"));
    fs.mkdirSync(join(root, "live"));
  });
  afterEach(() => {
    fs.rmSync(root, { recursive: true });
  });

  async function run(): Promise<Run> {
    const stage = join(root, "stage");
    fs.mkdirSync(stage, { mode: 0o700 });
    const child = await startDatabaseChild({ signal: new AbortController().signal });
    const began = performance.now();
    const requests = ["a.db", "b.db"].map((name) => ({
      path: bytesOf(join(root, "live", name)),
      to: bytesOf(join(stage, name)),
    }));
    const moments = (await child.pin(requests)).map((outcome) => {
      if (outcome.status !== "pinned") throw new Error(JSON.stringify(outcome));
      return outcome.database.pinnedAt;
    });
    const copies: CopiedDatabase[] = [];
    for (const { path } of requests) {
      const outcome = await child.copy(path);
      if (outcome.status !== "copied") throw new Error(JSON.stringify(outcome));
      copies.push(outcome.database);
    }
    const ms = performance.now() - began;
    await child.close();

    const readings = requests.map(({ to }): Reading => {
      const copy = new sqlite.DatabaseSync(to, { readOnly: true });
      const reading = readCopy(copy);
      copy.close();
      return reading;
    });
    const [a, b] = readings as [Reading, Reading];
    const apart = Math.abs(a.last - b.last);
    expect(copies.map(({ integrity }) => integrity)).to.deep.equal(["ok", "ok"]);
    expect(Math.min(...copies.map(({ size }) => size))).to.be.greaterThan(30 * 2 ** 20);
    expect([a.sum, b.sum]).to.deep.equal([0, 0]);
    expect(apart).to.be.at.most(mayDiffer(readings, moments));
    fs.rmSync(stage, { recursive: true });
    const skewMs = Math.max(...moments) - Math.min(...moments);
    return { ms, skewMs, apart, blockedMs: Math.max(...copies.map(({ blockedMs }) => blockedMs)) };
  }

  function summary(runs: readonly Run[], field: keyof Run): string {
    const values = runs.map((one) => one[field]).sort((a, b) => a - b);
    const [least, median, most] = [values[0], values[values.length >> 1], values.at(-1)].map((one) => one?.toFixed(1));
    return `${field} ${least} … ${median} … ${most}`;
  }

  for (const journalMode of ["wal", "delete"] as const) {
    it(`is taken whole and in step ${RUNS} times out of ${RUNS} in ${journalMode} mode`, async () => {
      const paths = [join(root, "live", "a.db"), join(root, "live", "b.db")] as const;
      const before = await startWriter({ paths, journalMode, size: MIB });
      await before.stop();
      const open = await Promise.all(paths.map((path) => openElsewhere(bytesOf(path))));
      for (const one of open) await one.run("SELECT count(*) FROM log");
      const idle = await run();
      for (const one of open) await one.end();

      const writer = await startWriter({ paths, journalMode, size: MIB });
      const names = fs.readdirSync(join(root, "live")).filter((name) => !name.endsWith("-journal"));
      const runs: Run[] = [];
      while (runs.length < RUNS) runs.push(await run());
      expect(fs.readdirSync(join(root, "live")).filter((name) => !name.endsWith("-journal"))).to.deep.equal(names);
      const { transactions, refused } = await writer.stop();

      const fields = ["ms", "skewMs", "blockedMs", "apart"] as const;
      const figures = fields.map((field) => summary(runs, field)).join(", ");
      process.stdout.write(
        `      idle ${idle.ms.toFixed(0)} ms; ${figures}; ${transactions} transactions, ${refused} refused\n`,
      );
      if (journalMode === "wal") expect(refused).to.equal(0);
    });
  }
});
