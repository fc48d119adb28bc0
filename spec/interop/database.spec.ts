import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import { loadSqlite, type Sqlite } from "../../lib/stage/sqlite.js";
import { mayDiffer, pinsWithin, readCopy, startWriter, type Reading } from "../helpers/database-writer.js";
import { holdstill } from "../helpers/fire.js";
import { extractedPath, indexOf } from "../helpers/run.js";
import { openElsewhere } from "../helpers/sql-process.js";

const RUNS = Number(process.env["HOLDSTILL_FIRE_RUNS"] ?? 4);
const MIB = 35;

interface DatabaseLine {
  readonly path: string;
  readonly size: number;
  readonly capture: { readonly at: string };
  readonly database: { readonly integrity: string; readonly blockedMs: number };
}

interface Run {
  readonly ms: number;
  readonly skewMs: number;
  readonly blockedMs: number;
  readonly apart: number;
}

/** Databases of the size at which file copies go wrong, under a writer that never pauses. Takes minutes. */
describe("a backup of a pair of databases at full speed", function () {
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
    const live = join(root, "live");
    const began = performance.now();
    const { code, out, err } = await holdstill(
      "create",
      "--source",
      live,
      "--output",
      join(root, "archives"),
      "--json",
    );
    const ms = performance.now() - began;
    expect(err).to.equal("");
    expect(code).to.equal(0);
    const report = JSON.parse(out) as CreateReport;
    expect(report.counts.databases).to.equal(2);

    const lines = indexOf(report).filter(({ type }) => type === "file") as unknown as DatabaseLine[];
    const target = extractedPath(report, live);
    const readings = lines.map(({ path }): Reading => {
      const copy = new sqlite.DatabaseSync(join(target, path), { readOnly: true });
      const reading = readCopy(copy);
      copy.close();
      return reading;
    });
    const [a, b] = readings as [Reading, Reading];
    const apart = Math.abs(a.last - b.last);
    expect(lines.map(({ database }) => database.integrity)).to.deep.equal(["ok", "ok"]);
    expect(Math.min(...lines.map(({ size }) => size))).to.be.greaterThan(30 * 2 ** 20);
    expect([a.sum, b.sum]).to.deep.equal([0, 0]);
    const moments = lines.map(({ capture }) => Date.parse(capture.at));
    const skewMs = report.frozen.databaseSkewMs ?? NaN;
    expect(apart).to.be.at.most(mayDiffer(readings, pinsWithin(moments, skewMs)));
    fs.rmSync(report.archive);
    return { ms, skewMs, apart, blockedMs: Math.max(...lines.map(({ database }) => database.blockedMs)) };
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
