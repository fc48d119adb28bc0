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
  /** What was archived, in how many ways it was. */
  readonly archived: Set<string>;
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
 * Tries scripts in every way that can be told from the others. An act that is done later makes no difference while no
 * look comes between that could tell, and no act that has to do with it: so each is tried only right before a look that
 * tells it, or right before an act that has to do with it and is itself tried there.
 */
export async function exploreAll(
  scripts: readonly Script[],
  options: Exploring,
  placesOf: Places = tellingPlaces,
): Promise<Explored> {
  const sums = begin();
  const limit = pLimit(AT_A_TIME);
  const run = (schedule: Schedule): Promise<Raced> => limit(() => raceBy(options, schedule));
  const untouched = await run([]);
  count(sums, options.strategy, [], untouched);

  const extend = async (script: Script, schedule: readonly Placed[], seen: Raced): Promise<void> => {
    const last = schedule.at(-1);
    const places = placesOf(script.slice(schedule.length), schedule, seen);
    const tried = last?.forNext ? places.filter(({ before }) => before === last.before) : places;
    await Promise.all(
      tried.map(async (placed) => {
        const longer = [...schedule, placed];
        const raced = await run(longer);
        if (longer.length < script.length) await extend(script, longer, raced);
        else count(sums, options.strategy, longer, raced);
      }),
    );
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
  return { schedules: 0, acts: 0, verdicts: {}, wrong: [], archived: new Set() };
}

function raceBy({ place, strategy, base }: Exploring, schedule: Schedule): Promise<Raced> {
  return race(place, strategy, schedule, base);
}

function count(sums: Explored, strategy: Strategy, schedule: Schedule, raced: Raced): void {
  sums.schedules++;
  if (raced.done) sums.acts += schedule.length;
  sums.archived.add(raced.archived);
  for (const [verdict, times] of Object.entries(raced.verdicts)) {
    sums.verdicts[verdict] = (sums.verdicts[verdict] ?? 0) + times;
  }
  sums.wrong.push(...raced.wrong.map((sentence) => `${strategy}: ${print(schedule)}: ${sentence}`));
}

interface Placed {
  readonly act: Act;
  readonly before: number;
  /** Whether the act is tried there only for the sake of the next, which is to come there too. */
  readonly forNext: boolean;
}

/** Where the first of these acts is to be tried, given what has come before. */
type Places = (acts: Script, before: Schedule, seen: Raced) => Placed[];

/** Everywhere, whether one place can be told from another or not. */
export const everywhere: Places = ([act], before, { looks }) => {
  const from = before.at(-1)?.before ?? 0;
  return act === undefined ? [] : looks.map((_, place) => ({ act, before: place, forNext: false })).slice(from);
};

function tellingPlaces(acts: Script, before: Schedule, seen: Raced): Placed[] {
  const [act, next] = acts;
  if (act === undefined) return [];
  const telling = new Set(positions([act], before, seen));
  const all = next && haveToDo(act, next) ? positions(acts, before, seen) : [...telling];
  return all.map((place) => ({ act, before: place, forNext: !telling.has(place) }));
}

/** The looks that could tell whether one of these acts has been done, given what has come before. */
function positions(acts: Script, before: Schedule, { looks, inodes }: Raced): number[] {
  const from = before.at(-1)?.before ?? 0;
  const touched = acts.flatMap((act) => act.touches);
  const files = new Set(touched.map((path) => inodes.get(path)));
  const tells = ({ path, inode }: Look): boolean =>
    (inode !== undefined && files.has(inode)) ||
    (path !== undefined && touched.some((each) => path === each || isBelow(path, each)));
  return looks.flatMap((look, index) => (index >= from && tells(look) ? [index] : []));
}

/** Whether it may matter which of two acts comes first. */
function haveToDo(one: Act, other: Act): boolean {
  return one.touches.some((a) => other.touches.some((b) => a === b || isBelow(a, b) || isBelow(b, a)));
}

function isBelow(path: string, directory: string): boolean {
  return directory !== "" && path.startsWith(`${directory}/`);
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
