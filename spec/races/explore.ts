import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import pLimit from "p-limit";
import type { Filesystem } from "../../lib/filesystem.js";
import type { Strategy } from "../../lib/stage/capture.js";
import { race, type Look, type Raced, type Schedule } from "./run.js";
import { ACTS, createWriter, finishHalf, type Act, type Writer } from "./writer.js";

export interface Exploring {
  /** In memory, if that can be. */
  readonly place: string;
  readonly strategy: Strategy;
  readonly base: Filesystem;
}

export interface Explored {
  schedules: number;
  /** How many acts of the writer fell into a run. */
  acts: number;
  readonly verdicts: Record<string, number>;
  /** Each with the schedule that repeats it. */
  readonly wrong: string[];
}

/** Acts that the writer can do one after the other. */
export type Script = readonly Act[];

const AT_A_TIME = 8;

/** All scripts of so many acts. */
export function scriptsOf(length: number, place: string): Script[] {
  if (length === 0) return [[]];
  return scriptsOf(length - 1, place).flatMap((script) => {
    const writer = after(script, place);
    return ACTS.filter(({ ready }) => ready(writer)).map((act) => [...script, act]);
  });
}

/** The writer when it has done what a script says, and nobody looked. */
function after(script: Script, place: string): Writer {
  const root = mkdtempSync(join(place, "script-"));
  try {
    const directory = join(root, "source");
    mkdirSync(directory);
    const writer = createWriter(directory, root, () => 0);
    for (const { act } of script) act(writer);
    const half = writer.half;
    finishHalf(writer);
    return half === undefined ? writer : { ...writer, half };
  } finally {
    rmSync(root, { recursive: true });
  }
}

/**
 * Tries scripts in every way: each act before every look that could tell whether it has been done, or whether one has
 * that comes after it. Between two other looks nobody can tell where it was.
 */
export async function exploreAll(scripts: readonly Script[], options: Exploring): Promise<Explored> {
  const sums = begin();
  const limit = pLimit(AT_A_TIME);
  const run = (schedule: Schedule): Promise<Raced> => limit(() => raceBy(options, schedule));
  const untouched = await run([]);
  count(sums, options.strategy, [], untouched);

  const extend = async (script: Script, schedule: Schedule, seen: Raced): Promise<void> => {
    const [act, ...rest] = script.slice(schedule.length);
    if (act === undefined) return;
    const tried = positions([act, ...rest], schedule, seen).map(async (before) => {
      const next: Schedule = [...schedule, { act, before }];
      const raced = await run(next);
      if (rest.length === 0) count(sums, options.strategy, next, raced);
      else await extend(script, next, raced);
    });
    await Promise.all(tried);
  };
  for (const script of scripts) await extend(script, [], untouched);
  return sums;
}

/** Tries schedules of up to so many acts at random: which act comes next, and when. */
export async function exploreSome(
  { schedules, acts, random }: { readonly schedules: number; readonly acts: number; readonly random: () => number },
  options: Exploring,
): Promise<Explored> {
  const sums = begin();
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];
  while (sums.schedules < schedules) {
    let schedule: Schedule = [];
    let raced = await raceBy(options, schedule);
    for (let length = 0; length < acts; length++) {
      const writer = after(
        schedule.map(({ act }) => act),
        options.place,
      );
      const act = pick(ACTS.filter(({ ready }) => ready(writer)));
      const before = act && pick(positions([act], schedule, raced));
      if (act === undefined || before === undefined) break;
      schedule = [...schedule, { act, before }];
      raced = await raceBy(options, schedule);
    }
    count(sums, options.strategy, schedule, raced);
  }
  return sums;
}

function begin(): Explored {
  return { schedules: 0, acts: 0, verdicts: {}, wrong: [] };
}

function raceBy({ place, strategy, base }: Exploring, schedule: Schedule): Promise<Raced> {
  return race(place, strategy, schedule, base);
}

function count(sums: Explored, strategy: Strategy, schedule: Schedule, raced: Raced): void {
  sums.schedules++;
  if (raced.done) sums.acts += schedule.length;
  for (const [verdict, times] of Object.entries(raced.verdicts)) {
    sums.verdicts[verdict] = (sums.verdicts[verdict] ?? 0) + times;
  }
  sums.wrong.push(...raced.wrong.map((sentence) => `${strategy}: ${print(schedule)}: ${sentence}`));
}

/** Before which looks an act may come, given what has come before and what is to come. */
function positions(acts: Script, before: Schedule, { looks, inodes }: Raced): number[] {
  const from = before.at(-1)?.before ?? 0;
  const touched = acts.flatMap((act) => act.touches);
  const files = new Set(touched.map((path) => inodes.get(path)));
  const tells = ({ path, inode }: Look): boolean =>
    (inode !== undefined && files.has(inode)) ||
    (path !== undefined && touched.some((each) => path === each || (each !== "" && path.startsWith(`${each}/`))));
  return looks.flatMap((look, index) => (index >= from && tells(look) ? [index] : []));
}

/** A schedule as `parse` reads it. */
export function print(schedule: Schedule): string {
  return schedule.map(({ act, before }) => `${before}: ${act.name}`).join(", ");
}

export function parse(text: string): Schedule {
  return text.split(", ").map((each) => {
    const [before = "", name = ""] = each.split(": ");
    const act = ACTS.find((known) => known.name === name);
    if (!act) throw new Error(`no such act: ${name}`);
    return { act, before: Number(before) };
  });
}
