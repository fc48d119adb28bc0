import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CreateReport } from "../../lib/report/create-report.js";
import { judge, type Run } from "./churn-judge.js";
import { writeJournal, type Journal, type State } from "./churn-journal.js";
import { observe } from "./churn-observe.js";
import { now, startChurn, type Churn } from "./churn.js";

const PROGRAM = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));

/** The two clocks are read one after the other, and a report has whole milliseconds. */
const CLOCKS_MS = 2;

/** Between the clock and the system call that it is to tell, another process may run. */
const PREEMPTED_MS = 250;

/** A writer has done so much before the next backup begins: it never finds the tree as the last one left it. */
const BETWEEN = 150;

/** So many backups beside one writer; then another begins, with another seed, and the tree is made anew. */
const MOST_SHOTS = 10;

export interface FireOptions {
  /** An existing directory; the live tree is made in it, and the stage with it. */
  readonly place: string;
  readonly strategy: "auto" | "clone" | "link" | "copy";
  readonly runs: number;
  readonly seed: number;
  readonly files?: number;
}

export interface Fired {
  /** Each a sentence that begins with the run; where there is one, the evidence is kept and the last one says where. */
  readonly faults: readonly string[];
  readonly runs: number;
  /** What the writer did in a second while backups ran. */
  readonly opsPerSecond: number;
  /** Of the run that took longest to settle. */
  readonly mostPasses: number;
  /** Changes of the tree that fell into a window of a freeze. */
  readonly changesInWindows: number;
  readonly capture: CreateReport["capture"];
  readonly verdicts: CreateReport["verdicts"];
}

/** One backup beside the writer. */
interface Shot {
  readonly name: string;
  readonly run: Run;
  readonly operations: number;
  readonly report: CreateReport;
  /** When the tree was frozen, by the writer's clock. */
  readonly window: Run;
  /** Wall clock less the writer's. */
  readonly skew: number;
  readonly faults: readonly string[];
}

interface Exit {
  readonly code: number | string | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as users do, without holding up this process. */
export function execute(program: string, args: readonly string[]): Promise<Exit> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 256 << 20, env: { ...process.env, LC_ALL: "C" } };
    execFile(program, args, options, (error, out, err) =>
      resolve({ code: error ? (error.code ?? error.signal ?? 1) : 0, out, err }),
    );
  });
}

export function holdstill(...args: readonly string[]): Promise<Exit> {
  return execute(process.execPath, [PROGRAM, ...args]);
}

/** Backs up a tree again and again while another process changes it, and holds each archive against its record. */
export async function underFire({ place, strategy, runs, seed, files = 3000 }: FireOptions): Promise<Fired> {
  const shots: Shot[] = [];
  const faults: string[] = [];
  let changesInWindows = 0;
  for (let done = 0; done < runs; done += MOST_SHOTS) {
    const output = mkdtempSync(join(tmpdir(), "holdstill-archives-"));
    const around = mkdtempSync(join(place, "fire-"));
    const directory = join(around, "state");
    mkdirSync(directory);
    try {
      const churn = await startChurn({ directory, files, seed: seed + done });
      const volley: Shot[] = [];
      let journal: Journal;
      try {
        for (let run = done; run < Math.min(runs, done + MOST_SHOTS); run++) {
          await churn.reached(churn.operations() + BETWEEN);
          volley.push(await shoot(churn, { name: `run ${run + 1}`, strategy, output }));
        }
      } finally {
        journal = await churn.stop();
      }
      for (const shot of volley) {
        changesInWindows += changesIn(journal, shot.window);
        faults.push(...(await judged(journal, shot, { around, directory })));
      }
      shots.push(...volley);
    } finally {
      rmSync(around, { recursive: true, force: true });
      rmSync(output, { recursive: true, force: true });
    }
  }
  const operations = shots.reduce((sum, shot) => sum + shot.operations, 0);
  const ms = shots.reduce((sum, { run }) => sum + run.to - run.from, 0);
  return {
    mostPasses: Math.max(...shots.map(({ report }) => report.settlePasses)),
    ...{ faults, runs: shots.length, opsPerSecond: Math.round((operations * 1000) / ms), changesInWindows },
    capture: summed(shots.map(({ report }) => report.capture)),
    verdicts: summed(shots.map(({ report }) => report.verdicts)),
  };
}

function summed<Key extends string>(records: readonly Readonly<Record<Key, number>>[]): Record<Key, number> {
  const sums: Partial<Record<Key, number>> = {};
  for (const record of records) {
    for (const key of Object.keys(record) as Key[]) sums[key] = (sums[key] ?? 0) + record[key];
  }
  return sums as Record<Key, number>;
}

async function shoot(
  churn: Churn,
  { name, strategy, output }: { readonly name: string; readonly strategy: string; readonly output: string },
): Promise<Shot> {
  const done = churn.operations();
  const skew = Date.now() - now();
  const from = now();
  const args = [
    "--source",
    churn.directory,
    "--output",
    output,
    "--strategy",
    strategy,
    "--compress",
    "gzip",
    "--json",
  ];
  const { code, out, err } = await holdstill("create", ...args);
  const to = now();
  const faults: string[] = [];
  if (err !== "") faults.push(`create said: ${err}`);
  const report = JSON.parse(out) as CreateReport & { readonly error?: { readonly message: string } };
  if (code !== 0) faults.push(`create ended with ${code}: ${out}`);
  if (report.error) throw new Error(`${name}, seed ${churn.seed}: ${report.error.message}`);
  const window = {
    from: Date.parse(report.frozen.from) - skew - CLOCKS_MS,
    to: Date.parse(report.frozen.to) - skew + CLOCKS_MS,
  };
  if (window.from < from - CLOCKS_MS || window.to > to + CLOCKS_MS) faults.push("the freeze was not in the run");
  return { name, run: { from, to }, operations: churn.operations() - done, report, window, skew, faults };
}

async function judged(
  journal: Journal,
  shot: Shot,
  { around, directory }: { readonly around: string; readonly directory: string },
): Promise<string[]> {
  const { report, run, window } = shot;
  const faults = [...shot.faults];
  for (const { path } of report.unstable) faults.push(`${path}: unstable`);
  for (const { path, reason } of report.skipped) if (reason !== "vanished") faults.push(`${path}: ${reason}`);
  const left = [...readdirSync(around), ...readdirSync(dirname(report.archive))].filter((name) =>
    /^\.holdstill-stage-|\.partial$/.test(name),
  );
  for (const name of left) faults.push(`${name}: was left behind`);

  const verified = await holdstill("verify", report.archive);
  if (verified.code !== 0) faults.push(`verify ended with ${verified.code}: ${verified.err}${verified.out}`);
  const extracted = mkdtempSync(join(dirname(report.archive), "extracted-"));
  for (const args of [
    ["-tvf", report.archive],
    ["-xf", report.archive, "-C", extracted],
  ]) {
    const { code, err } = await execute("tar", args);
    if (code !== 0 || err !== "") faults.push(`tar ${args[0]} ended with ${code}: ${err}`);
  }
  const [root = ""] = readdirSync(extracted);
  const lines = filesOf(readFileSync(join(extracted, root, "holdstill/index.jsonl"), "utf8"));
  const observed = [...observe(join(extracted, root, "payload/posix", directory))];
  const recaptured = new Set(lines.filter(({ capture }) => capture.verdict === "recaptured").map(({ path }) => path));
  // What was taken again later may be of a later moment; all the rest, and what is missing, is a matter of the freeze.
  const allowed = [...recaptured].map((path) => `${path}: its `);
  const inWindow = judge(journal, window, observed).filter(
    (fault) => !(fault.endsWith("of a moment outside the run") && allowed.some((start) => fault.startsWith(start))),
  );
  faults.push(...new Set([...judge(journal, run, observed), ...inWindow]), ...wrongMoments(journal, shot, lines));
  rmSync(extracted, { recursive: true });
  return faults.length === 0 ? [] : keepEvidence(journal, shot, faults);
}

interface FileLine {
  readonly type: string;
  readonly path: string;
  readonly sha256: string;
  readonly capture: { readonly method: string; readonly verdict: string; readonly cut: number; readonly at: string };
}

function filesOf(index: string): FileLine[] {
  const lines = index.trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as FileLine).filter(({ type }) => type === "file");
}

/** Files that were not at all, at the time that the index gives, what the archive has of them. */
function wrongMoments({ identities }: Journal, { skew }: Shot, lines: readonly FileLine[]): string[] {
  const states = new Map<string, State[]>();
  for (const state of identities.flatMap((identity) => identity.states)) {
    for (const digest of new Set([state.sha256, state.cut ?? state.sha256])) {
      const known = states.get(digest);
      if (known) known.push(state);
      else states.set(digest, [state]);
    }
  }
  const wasThen = (digest: string, at: number): boolean =>
    (states.get(digest) ?? []).some(
      ({ from, until }) => from.before <= at + PREEMPTED_MS && (until?.after ?? Infinity) >= at - PREEMPTED_MS,
    );
  return lines
    .filter(({ sha256, capture }) => !wasThen(sha256, Date.parse(capture.at) - skew))
    .map(({ path, capture }) => `${path}: was something else at ${capture.at}, when it was ${capture.verdict}`);
}

/** How much of what the writer did certainly fell into a window. */
function changesIn({ identities }: Journal, { from, to }: Run): number {
  const spans = identities.flatMap(({ names, states }) => [...names, ...states]);
  return spans.filter((span) => span.from.before >= from && span.from.after <= to).length;
}

function keepEvidence(
  journal: Journal,
  { name, report, run, window, skew }: Shot,
  faults: readonly string[],
): string[] {
  const evidence = mkdtempSync(join(tmpdir(), "holdstill-evidence-"));
  writeJournal(join(evidence, "journal.jsonl"), journal);
  copyFileSync(report.archive, join(evidence, basename(report.archive)));
  writeFileSync(
    join(evidence, "run.json"),
    JSON.stringify({ seed: journal.seed, run, window, skew, report, faults }, undefined, 2),
  );
  return [...faults, `seed ${journal.seed}, evidence in ${evidence}`].map((fault) => `${name}: ${fault}`);
}
