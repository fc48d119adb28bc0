import { existsSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathOf } from "../../lib/archive/index.js";
import { bytewise, textOf } from "../../lib/bytes.js";
import { EXIT_CODES } from "../../lib/cli/exit-code.js";
import type { Filesystem } from "../../lib/filesystem.js";
import { failureOf } from "../../lib/report/failure.js";
import { archived, type Line } from "../helpers/archived.js";
import { DISKS, type Way } from "../helpers/freeze.js";
import { createFrom } from "../helpers/run.js";
import { stepping, type Step } from "../helpers/steps.js";
import { age, tmpDirectory, writeTree, type Tree } from "../helpers/tree.js";
import type { Doing } from "./live-tree.js";

/** One act of the live program at one operation of the port, and what is to come of it. */
export interface Script {
  readonly by: Way;
  /**
   * `after 2 lstat a/x.jsonl`: right after the second `lstat` of that path. The root itself is `.`, and what was linked or
   * cloned into the stage `stage/a/x.jsonl`.
   */
  readonly at: string;
  readonly does: Doing;
  readonly exit?: number;
  /** What of the outcome is other than without the act; `nothing` for what is not there. */
  readonly told: Readonly<Record<string, string>>;
}

const AT_REST: Tree = {
  "note.txt": "at rest\n",
  a: { "x.jsonl": "1\n", "y.json": "{}\n" },
  b: { "z.jsonl": "3\n" },
};
/** Written to ten seconds ago. */
const FRESH: Tree = { a: { "fresh.jsonl": "5\n" } };

/** What is told of this tree where nothing happens. */
export const UNTOUCHED: Script["told"] = {
  a: "directory",
  "a/fresh.jsonl": "exact: 5/",
  "a/x.jsonl": "exact: 1/",
  "a/y.json": "exact: {}/",
  b: "directory",
  "b/z.jsonl": "exact: 3/",
  "note.txt": "exact: at rest/",
};

export interface Outcome {
  readonly exit: number;
  readonly told: Script["told"];
  /** Whether the moment came, and what was wrong with the act. */
  readonly done: boolean;
  readonly failed: readonly unknown[];
}

/** Backs up a small tree, and lets the live program act when the script says so. */
export async function play({ by, at, does }: Pick<Script, "by" | "at" | "does">): Promise<Outcome> {
  const root = tmpDirectory(existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
  const source = join(root, "source");
  writeTree(source, AT_REST);
  age(source, 600);
  writeTree(source, FRESH);
  age(join(source, "a/fresh.jsonl"), 10);
  // Its directory is listed again however long this takes.
  utimesSync(join(source, "a"), Date.now() / 1000, Date.now() / 1000 + 60);

  const moment = momentOf(at, source);
  const acts: (() => void)[] = [() => does.act(source)];
  const failed: unknown[] = [];
  const act = (): void => {
    try {
      acts.pop()?.();
    } catch (error) {
      // The program must not take it for its own disk's.
      failed.push(error);
    }
  };
  const fs = stepping((step, go) => {
    const when = moment(step);
    if (when === "before") act();
    const result = go();
    if (when === "after" && result instanceof Promise) return result.finally(act);
    if (when === "after") act();
    return result;
  }, DISKS[by]);
  const ordered: Filesystem = { ...fs, list: (path) => fs.list(path).sort((a, b) => bytewise(a.name, b.name)) };
  const outcome = await createFrom(source, { strategy: by, output: join(root, "archives") }, { fs: ordered }).then(
    async (report) => ({ exit: report.complete ? 0 : 3, told: await toldBy(report.archive, source) }),
    (error: unknown) => ({ exit: EXIT_CODES[failureOf(error).code], told: {} }),
  );
  return { ...outcome, done: acts.length === 0, failed };
}

/** Whether a step is the one that `after 2 lstat a/x.jsonl` says, and which side of it. */
function momentOf(at: string, source: string): (step: Step) => string | undefined {
  const [when, nth, operation, path] = at.split(" ");
  const nameOf = naming(source);
  let seen = 0;
  return (step) => {
    const name = nameOf(step);
    return step.operation === operation && name === path && ++seen === Number(nth) ? when : undefined;
  };
}

async function toldBy(archive: string, source: string): Promise<Script["told"]> {
  const { found, lines } = await archived(archive, source);
  const texts = new Map(
    found.map(({ path, bytes }) => [path, (typeof bytes === "function" ? bytes() : bytes).toString()]),
  );
  return Object.fromEntries(lines.flatMap((line) => tell(line, texts)));
}

/** Names steps by what they are about, as a script does. */
function naming(source: string): (step: Step) => string | undefined {
  const staged = new Map<string, string>();
  return ({ operation, paths: [from = "", to = ""] }) => {
    const name = from === source ? "." : from.startsWith(`${source}/`) ? from.slice(source.length + 1) : undefined;
    if (name !== undefined && (operation === "link" || operation === "reflink")) staged.set(to, `stage/${name}`);
    return name ?? staged.get(from);
  };
}

function tell(line: Line, texts: ReadonlyMap<string, string>): [string, string][] {
  if (line.type === "snapshot" || line.type === "end") return [];
  const path = textOf(pathOf(line));
  const text = (texts.get(path) ?? "").replaceAll("\n", "/");
  switch (line.type) {
    case "file":
      return [[path, `${line.capture.verdict}: ${text}${line.capture.cut > 0 ? `, ${line.capture.cut} cut` : ""}`]];
    case "symlink":
      return [[path, `-> ${text}`]];
    case "skip":
      return [[path, line.reason]];
    case "directory":
      return path === "." ? [] : [[path, "directory"]];
    case "hardlink":
      return [[path, "another name"]];
  }
}
