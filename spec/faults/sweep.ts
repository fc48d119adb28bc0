import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isArchiveName } from "../../lib/archive/name.js";
import { EXIT_CODES } from "../../lib/cli/exit-code.js";
import { isErrno, type ErrorCode } from "../../lib/errors.js";
import type { Filesystem } from "../../lib/filesystem.js";
import { failureOf } from "../../lib/report/failure.js";
import { verify } from "../../lib/verify.js";
import { bury } from "../helpers/bury.js";
import { surroundings } from "../helpers/run.js";
import { stepping, type Step } from "../helpers/steps.js";
import { marksOf } from "../helpers/untouched.js";
import type { Kind } from "./kinds.js";
import { leftovers } from "./leftovers.js";

/** Where a use case is tried: everything in `root` is the spec's own. */
export interface World {
  readonly root: string;
  readonly source: string;
  /** The archive directory. */
  readonly output: string;
  /** Puts back what a fault may have taken away, and removes what a run has added. */
  readonly reset: () => void;
}

/** Where, in a world, something is restored to. */
export const RESTORED = "restored/here";

/** Where runs leave what says whose it is. */
const STATES = [
  ...["", "source", ".cache/holdstill", "archives/.holdstill", "archives/.holdstill/guard/.holdstill", RESTORED],
  ...[".holdstill-guard-of-state/.holdstill", "state/.holdstill-guard-lock/.holdstill"],
];

/** What came of a run: sentences for what is wrong with it, and how it told of the fault. */
export interface Told {
  readonly how: "said nothing" | "warned" | "incomplete" | "reported";
  readonly wrong: readonly string[];
}

export interface UseCase {
  readonly name: string;
  readonly world: World;
  readonly run: (fs: Filesystem) => Promise<unknown>;
  /** Looks at a result: whether all is there that must be. */
  readonly examine: (result: unknown, gone: readonly string[]) => Promise<Told> | Told;
  /** Whether it only reads. */
  readonly reads?: boolean;
  /** Whether it is there to change the live tree: what may be there, `examine` and `left` know. */
  readonly changes?: boolean;
  /** What is wrong with what a run that failed has left: sentences. */
  readonly left?: (error: unknown) => readonly string[];
  /** What comes next, where that is not the same again. */
  readonly next?: (gone: readonly string[]) => Promise<readonly string[]>;
}

export interface Swept {
  readonly faults: number;
  /** How the program told of them. */
  readonly told: Readonly<Record<string, number>>;
  /** Each a sentence that says which fault it was. */
  readonly wrong: readonly string[];
}

/** What the codes of a run that failed may be, by the error of the disk. */
const CODES: Readonly<Record<string, readonly ErrorCode[]>> = {
  EIO: ["io", "output-unusable"],
  ENOSPC: ["no-space"],
  EACCES: ["io", "output-unusable", "source-missing", "no-archive"],
  EMFILE: ["io", "output-unusable"],
  ENOENT: ["io", "output-unusable", "source-missing", "no-archive"],
};

/** Tries a use case with the nth step failing, for n = 1, 2, … until there is no nth step; `chosen` picks a sample. */
export async function sweep(useCase: UseCase, kind: Kind, chosen: (nth: number) => boolean): Promise<Swept> {
  const told: Record<string, number> = {};
  const wrong: string[] = [];
  let faults = 0;
  for (let nth = 1; ; nth++) {
    if (!chosen(nth)) {
      if (nth > 10_000) break;
      continue;
    }
    const tried = await tryOnce(useCase, kind, nth);
    if (tried === undefined) break;
    faults++;
    told[tried.how] = (told[tried.how] ?? 0) + 1;
    const which = `${useCase.name}, ${kind.name} ${nth}, ${tried.at}`;
    wrong.push(...tried.wrong.map((sentence) => `${which}: ${sentence}`));
    if (process.env["HOLDSTILL_FAULTS_TELL"]) process.stdout.write(`${which}: ${tried.how}\n`);
  }
  return { faults, told, wrong };
}

async function tryOnce(
  useCase: UseCase,
  kind: Kind,
  nth: number,
): Promise<{ how: string; at: string; wrong: string[] } | undefined> {
  const { world } = useCase;
  world.reset();
  const before = stateOf(world);
  let seen = 0;
  const hit: Step[] = [];
  const injected = new Set<unknown>();
  const fs = stepping((step, go) => {
    if (!kind.applies(step, world.root)) return go();
    seen++;
    if (seen !== nth && !(kind.lasting === true && seen > nth)) return go();
    // With its paths as they are now.
    hit.push({ ...step });
    try {
      return kind.act(step, go);
    } catch (error) {
      injected.add(error);
      throw error;
    }
  });
  const result: { value: unknown } | { error: unknown } = await useCase.run(fs).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  const [failed] = hit;
  if (failed === undefined) return undefined;
  const gone = kind.name.startsWith("ENOENT") ? failed.paths.slice(0, 1) : [];
  const at = `${failed.operation} ${failed.paths.join(" -> ").replaceAll(world.root, "")}`;

  const wrong = "value" in result ? [] : faultsOfError(result.error, injected, hit, kind);
  if ("error" in result) wrong.push(...(useCase.left?.(result.error) ?? []));
  const outcome: Told | undefined = "value" in result ? await useCase.examine(result.value, gone) : undefined;
  wrong.push(...(outcome?.wrong ?? []));
  wrong.push(...(await damage(useCase, before, gone)));

  // As if the process had ended: what it left is a dead run's.
  bury(STATES.map((path) => join(world.root, path)));
  if (gone.length === 0 || useCase.reads !== true) {
    const next = await (useCase.next?.(gone) ?? nextRun(useCase, before, gone));
    wrong.push(...next.map((sentence) => `next run: ${sentence}`));
  }
  return { how: "value" in result ? (outcome?.how ?? "") : `failed: ${failureOf(result.error).code}`, at, wrong };
}

function faultsOfError(error: unknown, injected: ReadonlySet<unknown>, hit: readonly Step[], kind: Kind): string[] {
  const { code, message, path } = failureOf(error);
  if (kind.harmless === true) return [`failed: ${code}: ${message}`];
  // What could not be read is why the snapshot is not complete, which then is what is wrong.
  if (code === "incomplete") return message.includes(`(${kind.name})`) ? [] : [`is incomplete: ${message}`];
  const wrong: string[] = [];
  if (!(CODES[kind.name.split(",")[0] ?? ""] ?? []).includes(code))
    wrong.push(`ended with ${code} (exit ${EXIT_CODES[code]}): ${message}`);
  if (!causesOf(error).some((cause) => isTheFault(cause, injected, kind)))
    wrong.push(`its cause is not the fault: ${message}`);
  if (path === undefined) wrong.push(`names no path: ${message}`);
  else if (!hit.some(({ paths }) => paths.some((each) => isRelated(each, path)))) wrong.push(`names ${path}`);
  return wrong;
}

/** What is really gone is missed by whoever comes next. What may not be looked at counts as missing. */
function isTheFault(cause: unknown, injected: ReadonlySet<unknown>, kind: Kind): boolean {
  if (injected.has(cause) || (kind.name.startsWith("ENOENT") && isErrno(cause, "ENOENT"))) return true;
  return kind.name === "EACCES" && ["source-missing", "no-archive"].includes(failureOf(cause).code);
}

function causesOf(error: unknown): unknown[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : [];
}

/** Whether one is the other, lies in it, or beside it, as a partial archive does beside the archive. */
function isRelated(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`) || dirname(a) === dirname(b);
}

interface State {
  readonly live: Readonly<Record<string, string>>;
  readonly archives: ReadonlyMap<string, string>;
}

function stateOf({ source, output }: World): State {
  return { live: marksOf(source, { ctime: false }), archives: archivesIn(output) };
}

function archivesIn(output: string): Map<string, string> {
  const names = existsSync(output) ? readdirSync(output).filter((name) => isArchiveName(name)) : [];
  return new Map(
    names.map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(output, name)))
        .digest("hex"),
    ]),
  );
}

/** What a run may not do, whatever fails. */
async function damage({ world, changes }: UseCase, before: State, gone: readonly string[]): Promise<string[]> {
  const wrong = changes === true ? [] : touched(world, before, gone);
  for (const [name, digest] of archivesIn(world.output)) {
    const known = before.archives.get(name);
    if (known !== undefined && known !== digest) wrong.push(`changed the archive ${name}`);
    if (known !== undefined) continue;
    const error: unknown = await verify(join(world.output, name), surroundings()).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error !== undefined) wrong.push(`${name} does not verify: ${failureOf(error).message}`);
  }
  return wrong;
}

function touched({ source }: World, before: State, gone: readonly string[]): string[] {
  const wrong: string[] = [];
  const live = marksOf(source, { ctime: false });
  for (const [path, marks] of Object.entries(before.live)) {
    if (gone.includes(join(source, path))) continue;
    // A link that is left in a stage counts until the next run has removed it; a file removed changes its directory.
    if (gone.length === 0 && withoutLinks(live[path]) !== withoutLinks(marks))
      wrong.push(`changed ${path} of the live tree: ${marks} -> ${live[path]}`);
  }
  for (const path of Object.keys(live))
    if (!(path in before.live) && !/^\.holdstill-stage-/.test(path)) wrong.push(`made ${path} in the live tree`);
  return wrong;
}

function withoutLinks(marks: string | undefined): string | undefined {
  return marks
    ?.split(" ")
    .filter((_, index) => index !== 5)
    .join(" ");
}

/** The next run has to succeed, and to leave nothing behind but archives and what the catalog has of them. */
async function nextRun(useCase: UseCase, before: State, gone: readonly string[]): Promise<string[]> {
  const { world, run, examine } = useCase;
  if (gone.length > 0) world.reset();
  try {
    const { how, wrong } = await examine(await run(stepping((_, go) => go())), []);
    return [
      ...wrong,
      ...(how === "said nothing" ? [] : [how]),
      ...leftovers(world),
      ...(gone.length > 0 ? [] : changes(before.live, marksOf(world.source, { ctime: false }))),
    ];
  } catch (error) {
    return [`failed: ${failureOf(error).code}: ${failureOf(error).message}`];
  }
}

function changes(before: State["live"], after: State["live"]): string[] {
  const paths = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...paths]
    .filter((path) => before[path] !== after[path])
    .map((path) => `${path}: ${before[path]} -> ${after[path]}`);
}
