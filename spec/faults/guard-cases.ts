import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Filesystem } from "../../lib/filesystem.js";
import { guard, type GuardReport, type GuardSurroundings } from "../../lib/guard.js";
import { clean } from "../../lib/guard-clean.js";
import { failureOf } from "../../lib/report/failure.js";
import type { GuardReturn, RollbackReport } from "../../lib/report/guard-report.js";
import { rollback } from "../../lib/rollback.js";
import { CHANGE, isSame, NEW, trees } from "../guard/crash.js";
import { GRACE_MS, OPTIONS, resumed, snapshotOf, STATE, type Guarded } from "../guard/guarded.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { age, contents, writeTree } from "../helpers/tree.js";
import type { Told, UseCase } from "./sweep.js";
import { directory } from "./use-cases.js";

interface Place extends Guarded {
  /** Makes the state anew, and takes away all else. */
  readonly reset: () => void;
}

function place(): Place {
  const root = directory();
  const state = join(root, "state");
  const { events, ...around } = surroundings({ cwd: root, homedir: root });
  const reset = (): void => {
    for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
    writeTree(state, STATE);
    age(state, 600);
  };
  reset();
  return {
    ...{ root, state, output: join(root, "archives"), events, before: contents(state), reset },
    around: { ...around, takeSignals: () => () => {}, pid: process.pid },
  };
}

/** A command that changes the state, and succeeds or fails. */
export async function guardCase(exitCode: 0 | 3): Promise<UseCase> {
  const here = place();
  const { state, before } = here;
  return {
    ...guardedCase(`guard, exit ${exitCode}`, here),
    run: (fs) => guardBy(fs, here, `${CHANGE}; exit ${exitCode}`),
    left(error) {
      const isSaid = exitCode === 0 && failureOf(error).message.startsWith("the command succeeded");
      return isSame(live(state), isSaid ? NEW : before) ? [] : ["it failed, and the state is another"];
    },
    examine(result, gone) {
      const { outcome, rollback: back } = result as GuardReport;
      if (outcome === "rollback-failed") return notBack(back);
      const isRight = isSame(without(live(state), state, gone), without(exitCode === 0 ? NEW : before, state, gone));
      const wrong = isRight ? [] : [`${outcome}, and the state is another`];
      if (outcome !== (exitCode === 0 ? "succeeded" : "rolled-back")) wrong.push(`it is ${outcome}`);
      return { how: toldBy(here), wrong };
    },
  };
}

/** A state that was changed since, and goes back to what an archive has of it. */
export async function rollbackCase(): Promise<UseCase> {
  const here = place();
  const { state, output, before, reset } = here;
  const pristine = join(directory(), "archives");
  const { archive } = await createFrom(state, { output });
  cpSync(output, pristine, { recursive: true, preserveTimestamps: true });
  return {
    ...guardedCase("rollback", {
      ...here,
      reset() {
        reset();
        cpSync(pristine, output, { recursive: true, preserveTimestamps: true });
        writeFileSync(join(state, "config.json"), "new\n");
        rmSync(join(state, "sessions"), { recursive: true });
      },
    }),
    run: (fs) =>
      rollback(
        {
          ...{ archive, includeWorkspace: false, stop: undefined, start: undefined, graceMs: GRACE_MS },
          confirm: () => Promise.resolve(true),
        },
        on(fs, here),
      ),
    left: () => (isSame(live(state), NEW) ? [] : ["it failed, and the state is another"]),
    examine(result) {
      const report = result as RollbackReport;
      if (report.outcome === "rollback-failed") return notBack(report.rollback);
      const isRight = report.outcome === "rolled-back" && isSame(live(state), before);
      return { how: toldBy(here), wrong: isRight ? [] : [`${report.outcome}, and the state is another`] };
    },
  };
}

function guardedCase(name: string, here: Place): Pick<UseCase, "name" | "world" | "changes" | "next"> {
  const { root, state, output, reset } = here;
  return {
    ...{ name, changes: true, world: { root, source: state, output, reset } },
    next: (gone) =>
      goneOn(here, gone).catch((error: unknown) => [`failed: ${failureOf(error).code}: ${failureOf(error).message}`]),
  };
}

function on(fs: Filesystem, { around, events }: Place): GuardSurroundings {
  events.length = 0;
  return { ...around, fs };
}

function guardBy(fs: Filesystem, here: Place, line: string): Promise<GuardReport> {
  return guard({ ...OPTIONS, command: ["sh", "-c", line], snapshot: snapshotOf(here) }, on(fs, here));
}

function notBack(back: GuardReturn | undefined): Told {
  const { why = "", next = "" } = back ?? {};
  return { how: "reported", wrong: why !== "" && next.includes("guard resume") ? [] : [`says ${why}: ${next}`] };
}

function toldBy({ events }: Place): Told["how"] {
  return events.some(({ type }) => type === "warning") ? "warned" : "said nothing";
}

/** Where something cannot be renamed as a whole, it is exchanged with what is in a directory in it. */
const AREA = /^\.holdstill-guard-[^/]*\//;

type Contents = Readonly<Record<string, string>>;

function live(state: string): Contents {
  return Object.fromEntries(Object.entries(contents(state)).filter(([path]) => !AREA.test(path)));
}

function isWithin(path: string, tree: string): boolean {
  return path === tree || path.startsWith(`${tree}/`);
}

/** Without what had gone by itself. */
function without(tree: Contents, state: string, gone: readonly string[]): Contents {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !gone.includes(join(state, path))));
}

/** Whether a tree is the state, or beside it, or aside in it. */
function isThere(here: Place, tree: Contents): boolean {
  const aside = Object.entries(existsSync(here.state) ? contents(here.state) : {}).flatMap(([path, what]) => {
    const [, below] = /^\.holdstill-guard-[^/]*\/failed\/(.+)$/.exec(path) ?? [];
    return below === undefined ? [] : [[below, what] as const];
  });
  const all = [
    ...Object.values(trees(here)),
    existsSync(here.state) ? live(here.state) : {},
    Object.fromEntries(aside),
  ];
  return all.some((each) => isSame(each, tree));
}

/** It is resumed, cleaned up and another command guarded: nothing is in between or lost or left. */
async function goneOn(here: Place, gone: readonly string[]): Promise<string[]> {
  const { root, state, output, before, around } = here;
  const wrong: string[] = [];
  const isGoneOf = (tree: string): boolean => gone.some((path) => isWithin(path, tree));
  const isWhole = (tree: Contents): boolean => isSame(tree, before) || isSame(tree, NEW);
  const had = isThere(here, NEW);

  const { outcome } = await resumed(here);
  // Without its archive nothing can go back: what was made is still there.
  const isStuck = outcome === "rollback-failed" && gone.some((path) => dirname(path) === output);
  if (outcome === "rollback-failed" && !isStuck) wrong.push("it cannot be resumed");
  if (!existsSync(state)) return [...wrong, "there is no state"];
  if (!isGoneOf(state) && !isWhole(live(state))) wrong.push("the state is neither the old nor the new one");
  if (had && !isThere(here, NEW)) wrong.push("what the command made is lost");
  if (isStuck) return wrong;

  const again = await resumed(here);
  if (again.outcome !== "nothing-to-do") wrong.push(`a second resume is ${again.outcome}`);
  await clean([output], around);
  const { outcome: last } = await guardBy(around.fs, here, "true");
  if (last !== "succeeded") wrong.push(`another command is ${last}`);
  const inside = existsSync(output) ? readdirSync(join(output, ".holdstill/guard")) : [];
  // Without its journal nobody knows of what was moved aside, and it stays.
  const isForgotten = gone.some((path) => path.endsWith(".json") && isWithin(path, join(output, ".holdstill/guard")));
  const known = ["state", "archives", ".cache"];
  const left = [
    ...readdirSync(root).filter((name) => !known.includes(name) && !(isForgotten && name.startsWith("state.failed-"))),
    ...inside.filter((name) => name !== ".holdstill"),
  ];
  return [...wrong, ...left.map((path) => `${basename(path)} is left behind`)];
}
