import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { isErrno } from "../../lib/errors.js";
import type { StageReport } from "../../lib/report/stage-report.js";
import { judge, type Run } from "../helpers/churn-judge.js";
import type { Journal } from "../helpers/churn-journal.js";
import { observe } from "../helpers/churn-observe.js";
import { now, startChurn, type Churn } from "../helpers/churn.js";
import { holdstill } from "../helpers/fire.js";
import { tmpDirectory } from "../helpers/tree.js";

const RUNS = Number(process.env["HOLDSTILL_FIRE_RUNS"] ?? 1);
const SEED = Number(process.env["HOLDSTILL_FIRE_SEED"] ?? 20261125);
const FILES = 1500;
const BETWEEN = 150;

/** What a command copied of a staged tree. */
interface Taken {
  readonly run: Run;
  readonly report: StageReport;
  readonly code: number | string | null;
  readonly copy: string;
}

describe("a command on the staged tree of a directory that another process never stops changing", function () {
  this.timeout(60_000 + RUNS * 30_000);

  for (const [strategy, aged] of [
    ["link", true],
    ["link", false],
    ["copy", false],
  ] as const) {
    const what = aged ? "where most files have rested" : "where all files are new";
    it(`sees a tree that keeps every promise, ${RUNS} times with --strategy ${strategy}, ${what}`, async () => {
      const place = tmpDirectory();
      const directory = join(place, "state");
      mkdirSync(directory);
      const churn = await startChurn({ directory, files: FILES, seed: SEED });
      const taken: Taken[] = [];
      let journal: Journal;
      try {
        for (let run = 0; run < RUNS; run++) {
          await churn.reached(churn.operations() + BETWEEN);
          if (aged) rest(directory);
          taken.push(await take(churn, strategy, mkdtempSync(join(place, "copy-"))));
        }
      } finally {
        journal = await churn.stop();
      }
      const faults = taken.flatMap((each, run) => faultsOf(journal, each).map((fault) => `run ${run + 1}: ${fault}`));
      const verdicts = taken.map(({ report }) => ({ ...report.verdicts, changed: report.changed.length }));
      process.stdout.write(`      ${JSON.stringify(verdicts.slice(0, 3))}\n`);
      expect(faults).to.deep.equal([]);
      expect(readdirSync(place).filter((name) => name.startsWith(".holdstill"))).to.deep.equal([]);
      for (const { report } of taken) expect(report.counts.files).to.be.greaterThan(FILES / 2);
    });
  }
});

/** Makes all files look as if nobody had written to them for an hour: the next change makes them young again. */
function rest(directory: string): void {
  const then = Date.now() / 1000 - 3600;
  for (const entry of tolerant(() => readdirSync(directory, { withFileTypes: true })) ?? []) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) rest(path);
    else if (entry.isFile()) tolerant(() => utimesSync(path, then, then));
  }
}

/** What is renamed or removed meanwhile is let be. */
function tolerant<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) throw error;
    return undefined;
  }
}

async function take(churn: Churn, strategy: string, copy: string): Promise<Taken> {
  const from = now();
  const args = ["--source", churn.directory, "--strategy", strategy, "--json"];
  const { code, out, err } = await holdstill(
    "stage",
    ...args,
    "--",
    "sh",
    "-c",
    'cp -a . "$0"; cp "$HOLDSTILL_INDEX" "$0.index"',
    copy,
  );
  const report = JSON.parse(out) as StageReport & { readonly error?: { readonly message: string } };
  if (report.error) throw new Error(`seed ${churn.seed}: ${report.error.message}`);
  if (err !== "") throw new Error(`stage said: ${err}`);
  return { run: { from, to: now() }, report, code, copy };
}

function faultsOf(journal: Journal, { run, report, code, copy }: Taken): string[] {
  const changed = new Set(report.changed.map(({ path }) => path));
  const faults = judge(journal, run, observe(copy)).filter(
    (fault) => !changed.has(fault.slice(0, fault.indexOf(": "))),
  );
  for (const { path } of report.unstable) faults.push(`${path}: unstable`);
  for (const { path, reason } of report.skipped) if (reason !== "vanished") faults.push(`${path}: ${reason}`);
  if (code !== (changed.size > 0 ? 3 : 0)) faults.push(`ended with ${code}`);
  const index = readFileSync(`${copy}.index`, "utf8").trimEnd().split("\n");
  const listed = index.filter((line) => line.startsWith('{"type":"file"')).length;
  if (listed !== report.counts.files) faults.push(`${listed} files in the index, ${report.counts.files} reported`);
  rmSync(copy, { recursive: true });
  return faults;
}
