import { closeSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { join } from "node:path";
import { bytesOf, bytewise, textOf } from "../../lib/bytes.js";
import { failureOf } from "../../lib/report/failure.js";
import { excluder } from "../../lib/profile/exclude.js";
import type { Strategy } from "../../lib/stage/capture.js";
import { freeze } from "../../lib/stage/freeze.js";
import { guard } from "../../lib/stage/guard.js";
import { placeStage } from "../../lib/stage/place.js";
import { alone } from "../../lib/stage/stage-parents.js";
import { selection } from "../../lib/stage/selection.js";
import { thisProcess } from "../../lib/vault/owner.js";
import { judge, type Observed } from "../helpers/churn-judge.js";
import type { Filesystem, Stat } from "../../lib/filesystem.js";
import { age } from "../helpers/tree.js";
import { stepping, type Operation, type Step } from "../helpers/steps.js";
import { createWriter, finishAll, type Act, type Writer } from "./writer.js";

/** Which acts are done, and before which look at the tree; looks are counted from 0. */
export type Schedule = readonly { readonly act: Act; readonly before: number }[];

/** A look of the program at something that the live program could have changed. */
export interface Look {
  readonly operation: Operation;
  /** Whether it is at what is open already, and by no name. */
  readonly open: boolean;
  /** Whether the freeze was over. */
  readonly frozen: boolean;
  /** Below the tree; `undefined` for what is in the stage. */
  readonly path: string | undefined;
  readonly inode: number | undefined;
}

export interface Raced {
  /** Sentences; none where all promises were kept. */
  readonly wrong: readonly string[];
  /** Every look there was. */
  readonly looks: readonly Look[];
  /** Whether every act was done. */
  readonly done: boolean;
  /** Which inode each file of the tree is, in the end. */
  readonly inodes: ReadonlyMap<string, number>;
  readonly verdicts: Readonly<Record<string, number>>;
  /** Every name that is archived, with its bytes. */
  readonly archived: string;
}

const SECRET = "not yours";

const ME = thisProcess();

const REST_SECONDS = 3600;

/** What of the port looks at the live tree or, through a link, at its files. All else is the program's own business. */
const LOOKING: ReadonlySet<string> = new Set([
  ...["lstat", "fstat", "list", "openDirectory", "openRead", "read", "readAsync", "readlink", "link", "reflink"],
]);

export interface Racing {
  /** Where the tree is made: in memory, if that can be. */
  readonly place: string;
  readonly strategy: Exclude<Strategy, "auto">;
  readonly base: Filesystem;
  /** Whether all of it was left alone for an hour, and not only just written: then it is looked at less often. */
  readonly rested: boolean;
}

/**
 * Freezes and reads a small tree, with the writer at work as the schedule has it, and judges what came of it.
 * @param watched whether the looks are told, which takes time
 */
export async function race(racing: Racing, schedule: Schedule, watched = true): Promise<Raced> {
  const root = mkdtempSync(join(racing.place, "race-"));
  try {
    return await raceIn(root, racing, schedule, watched);
  } finally {
    rmSync(root, { recursive: true });
  }
}

async function raceIn(
  root: string,
  { strategy, base, rested }: Racing,
  schedule: Schedule,
  watched: boolean,
): Promise<Raced> {
  const source = join(root, "source");
  const outside = join(root, "outside");
  for (const path of [source, outside]) mkdirSync(path);
  for (const name of ["x.jsonl", "y.json", "z.jsonl"]) writeFileSync(join(outside, name), SECRET);
  let tick = 0;
  const writer = createWriter(source, outside, () => ++tick);
  if (rested) age(source, REST_SECONDS);
  const from = ++tick;

  const looks: Look[] = [];
  const left = [...schedule];
  const { dev } = lstatSync(source);
  let count = 0;
  let isFrozen = false;
  const fs = stepping((step, go) => {
    if (!isLook(step, root)) return go();
    while (left[0]?.before === count) left.shift()?.act.act(writer);
    count++;
    if (watched) looks.push({ ...lookOf(step, source, dev), frozen: isFrozen });
    tick++;
    // How many names a file has does not matter any more, and is not told: no look can tell an act by it.
    return isFrozen && step.operation === "fstat" ? { ...(go() as Stat), nlink: Number.NaN } : go();
  }, base);
  const ordered: Filesystem = { ...fs, list: (path) => fs.list(path).sort((a, b) => bytewise(a.name, b.name)) };

  const path = bytesOf(source);
  const stage = placeStage(base, alone(path, bytesOf(join(root, "cache"))), ME);
  const signal = new AbortController().signal;
  const wrong: string[] = [];
  const verdicts: Record<string, number> = {};
  let archived = "";
  try {
    const source = { path, type: "directory" as const, selection: selection(ordered, excluder([], []), []), stage };
    const options = { strategy, signal, now: Date.now, onProgress: () => undefined };
    const { entries, settled } = await freeze(ordered, [source], options);
    const frozen = ++tick;
    isFrozen = true;
    const [observed, later]: [Observed[], Observed[]] = [[], []];
    for (const entry of entries) {
      const name = textOf(entry.path);
      if (entry.type === "skip") {
        if (entry.reason !== "vanished") wrong.push(`${name}: ${entry.reason}`);
      } else if (entry.type === "symlink") {
        if (entry.target !== bytesOf(outside)) wrong.push(`${name}: is a link to ${entry.target}`);
      } else if (entry.type === "directory") {
        if (name !== ".") observed.push({ path: name, type: "directory", bytes: Buffer.alloc(0) });
      } else if (entry.type === "file") {
        const quiet = { now: Date.now, pause: () => setImmediate().then(() => undefined) };
        const body = await guard(ordered, entry, { stage, copyFirst: false, quiet });
        if (body.status === "unreadable") {
          wrong.push(`${name}: unreadable: ${body.detail}`);
          continue;
        }
        const { proof } = body;
        verdicts[proof.verdict] = (verdicts[proof.verdict] ?? 0) + 1;
        if (proof.verdict === "unstable") wrong.push(`${name}: unstable`);
        const bytes = body.status === "bytes" ? body.bytes : readStream(body.fd, proof.size);
        (proof.verdict === "recaptured" ? later : observed).push({ path: name, type: "file", bytes });
      } else wrong.push(`${name}: is a hard link`);
    }
    if (!settled) wrong.push("not settled");
    finishAll(writer);
    const journal = { seed: 0, operations: schedule.length, identities: writer.tree.identities };
    const whole = [...observed, ...later];
    archived = whole
      .map(({ path: name, bytes }) => `${name}: ${bytes.toString().trim()}`)
      .sort()
      .join(", ");
    // What was taken again later may be of a later moment than the freeze; all else may not.
    const recaptured = later.map(({ path: name }) => `${name}: its `);
    wrong.push(
      ...judge(journal, { from, to: ++tick }, whole),
      ...judge(journal, { from, to: frozen }, whole).filter(
        (sentence) => !(recaptured.some((start) => sentence.startsWith(start)) && sentence.endsWith("outside the run")),
      ),
    );
    for (const { path: name, bytes } of whole) if (bytes.toString() === SECRET) wrong.push(`${name}: led outside`);
  } catch (error) {
    wrong.push(`failed: ${failureOf(error).message}`);
  } finally {
    stage.remove();
    finishAll(writer);
  }
  for (const name of ["x.jsonl", "y.json", "z.jsonl"]) {
    if (readFileSync(join(outside, name), "utf8") !== SECRET) wrong.push(`outside/${name} was changed`);
  }
  return { wrong: [...new Set(wrong)], looks, done: left.length === 0, inodes: inodesOf(writer), verdicts, archived };
}

/** Whatever it has open is its stage's or the tree's. */
function isLook({ operation, args: [what] }: Step, root: string): boolean {
  if (!LOOKING.has(operation)) return false;
  if (typeof what === "number") return true;
  const path = String(what);
  return (path.startsWith(`${root}/`) && !path.endsWith("/owner.json")) || path.startsWith("/proc/self/fd/");
}

function lookOf(
  { operation, args: [what], paths: [path = ""] }: Step,
  source: string,
  dev: number,
): Omit<Look, "frozen"> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  const inside = path === source || path.startsWith(`${source}/`);
  return {
    operation,
    open: typeof what === "number" || /^\/proc\/self\/fd\/\d+$/.test(String(what)),
    path: inside ? path.slice(source.length + 1) : undefined,
    inode: stat?.dev === dev && stat.isFile() ? stat.ino : undefined,
  };
}

function inodesOf({ tree }: Writer): Map<string, number> {
  const files = [...tree.entries].filter(([, { record }]) => record.type === "file");
  return new Map(files.map(([path]) => [path, lstatSync(join(tree.directory, path)).ino]));
}

function readStream(fd: number, size: number): Buffer {
  const buffer = Buffer.alloc(size);
  readSync(fd, buffer, 0, size, 0);
  closeSync(fd);
  return buffer;
}
