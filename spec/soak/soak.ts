import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prune } from "../../lib/prune.js";
import { restore } from "../../lib/restore.js";
import { verify } from "../../lib/verify.js";
import { archivesIn, killedAt } from "../crash/crashed.js";
import { leftovers } from "../faults/leftovers.js";
import { judge, type Observed, type Run } from "../helpers/churn-judge.js";
import { observe } from "../helpers/churn-observe.js";
import { now, startChurn, type Churn } from "../helpers/churn.js";
import { DISKS, type Way } from "../helpers/freeze.js";
import { restoreInto } from "../helpers/restored.js";
import { createFrom, surroundings } from "../helpers/run.js";

/** What the process holds after a round; bytes. */
export interface Held {
  readonly rss: number;
  readonly descriptors: number;
  /** Of the archive directory, and whatever lies beside it and the live tree. */
  readonly disk: number;
}

export interface Soaked {
  rounds: number;
  restores: number;
  kills: number;
  operations: number;
  readonly held: Held[];
  /** Sentences. */
  readonly wrong: string[];
}

const WAYS: readonly Way[] = ["link", "copy", "clone"];
const KEPT = 5;
const FILES = 300;
const OPERATIONS_PER_SECOND = 300;
/** So many rounds beside one writer; then what was restored is held against its record, and another begins. */
const SHIFT = 12;
const BETWEEN_MS = 2_000;

/** Backs up a tree that is written to without a pause, prunes, restores and is killed, until the time is over. */
export async function soak(minutes: number, random: () => number): Promise<Soaked> {
  const soaked: Soaked = { rounds: 0, restores: 0, kills: 0, operations: 0, held: [], wrong: [] };
  const root = mkdtempSync(join(tmpdir(), "holdstill-soak-"));
  const output = join(root, "archives");
  const deadline = now() + minutes * 60_000;
  try {
    mkdirSync(output, { mode: 0o700 });
    while (now() < deadline) {
      const directory = join(root, "source");
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory);
      const seed = Math.floor(random() * 2 ** 31);
      const churn = await startChurn({ directory, files: FILES, opsPerSecond: OPERATIONS_PER_SECOND, seed });
      await shift(soaked, { churn, root, output, deadline, random });
    }
    for (const name of archivesIn(output)) await verify(join(output, name), surroundings());
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return soaked;
}

interface Shift {
  readonly churn: Churn;
  readonly root: string;
  readonly output: string;
  readonly deadline: number;
  readonly random: () => number;
}

async function shift(soaked: Soaked, { churn, root, output, deadline, random }: Shift): Promise<void> {
  const restored: { readonly run: Run; readonly observed: readonly Observed[] }[] = [];
  const told = (sentence: string): void => void soaked.wrong.push(`round ${soaked.rounds}: ${sentence}`);
  try {
    for (let round = 0; round < SHIFT && now() < deadline; round++) {
      soaked.rounds++;
      if (random() < 1 / 4) {
        const args = ["create", "--source", churn.directory, "--output", output, "--compress", "none"];
        if ((await killedAt(1 + Math.floor(random() * 5_000), root, args)).killed) soaked.kills++;
      }
      const from = now();
      const strategy = WAYS[soaked.rounds % WAYS.length] ?? "link";
      const { archive, complete, skipped } = await createFrom(
        churn.directory,
        { output, strategy, verify: true },
        { fs: DISKS[strategy], homedir: root, cwd: root },
      );
      const run = { from, to: now() };
      if (!complete) told(`it is incomplete: ${JSON.stringify(skipped)}`);
      if (random() < 1 / 3) {
        soaked.restores++;
        restored.push({ run, observed: await restoredFrom(archive) });
      }
      await prune({ policy: { keepLast: KEPT }, output, waitMs: 0 }, surroundings({ homedir: root, cwd: root }));
      for (const sentence of leftovers({ root, output })) told(sentence);
      if (archivesIn(output).length > KEPT) told(`there are ${archivesIn(output).length} archives`);
      soaked.held.push(heldNow(output));
      await churn.reached(churn.operations() + Math.ceil((OPERATIONS_PER_SECOND * BETWEEN_MS) / 1000));
    }
  } finally {
    soaked.operations += churn.operations();
    const journal = await churn.stop();
    for (const { run, observed } of restored) for (const sentence of judge(journal, run, observed)) told(sentence);
  }
}

async function restoredFrom(archive: string): Promise<Observed[]> {
  const target = mkdtempSync(join(tmpdir(), "holdstill-soaked-"));
  try {
    await restore(restoreInto(target, { archive, strip: true }), surroundings());
    return [...observe(target)].map((each) => ({
      ...each,
      bytes: typeof each.bytes === "function" ? each.bytes() : each.bytes,
    }));
  } finally {
    rmSync(target, { recursive: true });
  }
}

function heldNow(output: string): Held {
  const sizes = readdirSync(output, { recursive: true, encoding: "utf8" }).map(
    (name) => statSync(join(output, name)).size,
  );
  return {
    rss: process.memoryUsage().rss,
    descriptors: readdirSync("/proc/self/fd").length,
    disk: sizes.reduce((sum, size) => sum + size, 0),
  };
}
