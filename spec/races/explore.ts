import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import pLimit from "p-limit";
import type { Operation } from "../helpers/steps.js";
import { race, type Look, type Raced, type Racing, type Schedule } from "./run.js";
import { above, ACTS, createWriter, finishAll, type Act, type Changes, type Writer } from "./writer.js";

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

/** Acts that the writer can do one after the other, and what each changes. */
export type Script = readonly { readonly act: Act; readonly changes: Changes }[];

/** Copies wait for their files to rest. */
const AT_A_TIME = { link: 8, clone: 8, copy: 64 };

/** All scripts of so many acts. */
export function scriptsOf(length: number, place: string): Script[] {
  if (length === 0) return [[]];
  return scriptsOf(length - 1, place).flatMap((script) => {
    const writer = after(script, place);
    return nextActs(writer).map((next) => [...script, next]);
  });
}

/** Whether a script is another without some of its acts. */
export function isPartOf(part: Script, script: Script): boolean {
  let found = 0;
  for (const { act } of script) if (act === part[found]?.act) found++;
  return found === part.length;
}

function nextActs(writer: Writer): Script {
  return ACTS.filter(({ ready }) => ready(writer)).map((act) => ({ act, changes: act.changes(writer) }));
}

/** The writer when it has done what a script says, and nobody looked. */
function after(script: readonly { readonly act: Act }[], place: string): Writer {
  const root = mkdtempSync(join(place, "script-"));
  try {
    const directory = join(root, "source");
    mkdirSync(directory);
    const writer = createWriter(directory, root, () => 0);
    for (const { act } of script) act.act(writer);
    const halves = new Map(writer.halves);
    finishAll(writer);
    return { ...writer, halves };
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
  options: Racing,
  placesOf: Places = tellingPlaces,
): Promise<Explored> {
  const sums = begin();
  const limit = pLimit(AT_A_TIME[options.strategy]);
  const run = (schedule: Schedule, watched: boolean): Promise<Raced> => limit(() => race(options, schedule, watched));
  const untouched = await run([], true);
  count(sums, options, [], untouched);

  const extend = async (script: Script, schedule: readonly Placed[], seen: Raced): Promise<void> => {
    const last = schedule.at(-1);
    const places = placesOf(script.slice(schedule.length), schedule, seen);
    const tried = last?.forNext ? places.filter(({ before }) => before === last.before) : places;
    await Promise.all(
      tried.map(async (placed) => {
        const longer = [...schedule, placed];
        const isWhole = longer.length === script.length;
        const raced = await run(longer, !isWhole);
        if (!isWhole) await extend(script, longer, raced);
        else count(sums, options, longer, raced);
      }),
    );
  };
  for (const script of scripts) await extend(script, [], untouched);
  return sums;
}

/** Tries schedules of up to so many acts at random: which act comes next, and when. */
export async function exploreSome(
  { schedules, acts, random }: { readonly schedules: number; readonly acts: number; readonly random: () => number },
  options: Racing,
): Promise<Explored> {
  const sums = begin();
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];
  while (sums.schedules < schedules) {
    let schedule: Schedule = [];
    let raced = await race(options, schedule);
    for (let length = 0; length < acts; length++) {
      const next = pick(nextActs(after(schedule, options.place)));
      const before = next && pick(positions([next], schedule, raced));
      if (next === undefined || before === undefined) break;
      schedule = [...schedule, { act: next.act, before }];
      raced = await race(options, schedule);
    }
    count(sums, options, schedule, raced);
  }
  return sums;
}

function begin(): Explored {
  return { schedules: 0, acts: 0, verdicts: {}, wrong: [], archived: new Set() };
}

function count(sums: Explored, { strategy, rested }: Racing, schedule: Schedule, raced: Raced): void {
  sums.schedules++;
  if (raced.done) sums.acts += schedule.length;
  sums.archived.add(raced.archived);
  for (const [verdict, times] of Object.entries(raced.verdicts)) {
    sums.verdicts[verdict] = (sums.verdicts[verdict] ?? 0) + times;
  }
  const tree = `${strategy}, ${rested ? "at rest" : "just written"}`;
  sums.wrong.push(...raced.wrong.map((sentence) => `${tree}: ${print(schedule)}: ${sentence}`));
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
export const everywhere: Places = ([next], before, { looks }) => {
  const from = before.at(-1)?.before ?? 0;
  return next === undefined
    ? []
    : looks.map((_, place) => ({ act: next.act, before: place, forNext: false })).slice(from);
};

function tellingPlaces(acts: Script, before: Schedule, seen: Raced): Placed[] {
  const [act, next] = acts;
  if (act === undefined) return [];
  const telling = new Set(positions([act], before, seen));
  const all = next && haveToDo(act.changes, next.changes) ? positions(acts, before, seen) : [...telling];
  return all.map((place) => ({ act: act.act, before: place, forNext: !telling.has(place) }));
}

/** The looks that could tell whether one of these acts has been done, given what has come before. */
function positions(acts: Script, before: Schedule, { looks, inodes }: Raced): number[] {
  const from = before.at(-1)?.before ?? 0;
  const tellers = acts.map(({ changes }) => teller(changes, inodes));
  return looks.flatMap((look, index) => (index >= from && tellers.some((tells) => tells(look)) ? [index] : []));
}

/** What tells of the bytes, the size or the mtime of a file. */
const OF_CONTENT: ReadonlySet<Operation> = new Set(["lstat", "fstat", "read", "readAsync", "reflink"]);
/** What tells of the mtime of a directory or, before the freeze is over, how many names a file has. */
const OF_ATTRIBUTES: ReadonlySet<Operation> = new Set(["lstat", "fstat"]);

/**
 * What a look can tell: of a file its content, by whatever name or descriptor it is reached; by a name, what that stands
 * for; of a directory its names, its mtime, and where it is itself.
 */
function teller({ written, names }: Changes, inodes: Raced["inodes"]): (look: Look) => boolean {
  const inodesOf = (paths: readonly string[]) => new Set(paths.map((path) => inodes.get(path) ?? -1));
  const [content, counted] = [inodesOf(written), inodesOf(names)];
  const lists = new Set(names.map(above));
  return ({ operation, open, frozen, path, inode = -2 }) => {
    if (OF_CONTENT.has(operation) && content.has(inode)) return true;
    if (!frozen && OF_ATTRIBUTES.has(operation) && counted.has(inode)) return true;
    if (path === undefined) return false;
    if (names.includes(path)) return !open || operation !== "list";
    if (lists.has(path) && (operation === "list" || OF_ATTRIBUTES.has(operation))) return true;
    // Where a directory is that is open; no other look of ours leads through more than one name.
    return operation === "readlink" && names.some((name) => isBelow(path, name));
  };
}

/** Whether it may matter which of two acts comes first. */
function haveToDo(one: Changes, other: Changes): boolean {
  const all = ({ written, names }: Changes) => [...written, ...names, ...names.map(above)];
  return all(one).some((a) => all(other).some((b) => a === b || isBelow(a, b) || isBelow(b, a)));
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
