import { copyFileSync, cpSync, existsSync, linkSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Filesystem } from "../../lib/filesystem.js";
import { prune } from "../../lib/prune.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import type { PruneReport } from "../../lib/report/prune-report.js";
import type { Strategy } from "../../lib/stage/capture.js";
import { verify } from "../../lib/verify.js";
import { archived } from "../helpers/archived.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { age, contents, link, tmpDirectory, writeTree, type Tree } from "../helpers/tree.js";
import { keepOnly } from "./leftovers.js";
import type { Told, UseCase, World } from "./sweep.js";

const MIB = 1 << 20;

/** Small and large, at rest and fresh, with a second name and a link: each comes into the archive in its own way. */
const AT_REST: Tree = {
  a: { "x.jsonl": "1\n2\n", "y.json": "{}\n" },
  "large.bin": new Uint8Array(MIB + 1),
  link: link("a/x.jsonl"),
};
const FRESH: Tree = { b: { "z.jsonl": '"new"\n' } };

/** In memory where that can be: nothing here is about a certain filesystem. */
export function directory(): string {
  return tmpDirectory(existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
}

/** A live tree, and an archive directory with as many archives of it. */
export async function world(archives: number): Promise<World & { readonly made: readonly string[] }> {
  const root = directory();
  const source = join(root, "source");
  const pristine = { source: join(directory(), "source"), output: join(directory(), "archives") };
  writeTree(pristine.source, AT_REST);
  linkSync(join(pristine.source, "a/y.json"), join(pristine.source, "second.json"));
  age(pristine.source, 600);
  writeTree(pristine.source, FRESH);
  cpSync(pristine.source, source, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  relink(source);
  const output = join(root, "archives");
  const made: string[] = [];
  for (let day = 1; day <= archives; day++) {
    const now = (): number => Date.UTC(2026, 0, day);
    made.push(basename((await createFrom(source, { output }, { now })).archive));
  }
  cpSync(output, pristine.output, { recursive: true, preserveTimestamps: true });
  const reset = (): void => {
    for (const name of made) {
      if (!existsSync(join(output, name)))
        cpSync(join(pristine.output, name), join(output, name), { preserveTimestamps: true });
      for (const ending of ["jsonl.gz", "json", "sha256"]) {
        const copy = `.holdstill/index/${name}.${ending}`;
        if (!existsSync(join(output, copy))) copyFileSync(join(pristine.output, copy), join(output, copy));
      }
    }
    keepOnly(output, new Set(made));
    restoreTree(pristine.source, source);
    for (const name of readdirSync(root))
      if (name.startsWith(".holdstill-stage-")) rmSync(join(root, name), { recursive: true });
  };
  return { root, source, output, made, reset };
}

function relink(source: string): void {
  rmSync(join(source, "second.json"));
  linkSync(join(source, "a/y.json"), join(source, "second.json"));
}

/** Makes the tree anew where something of it is gone. */
function restoreTree(from: string, to: string): void {
  const missing = Object.keys(contents(from)).some((path) => !(path in contents(to)));
  if (!missing) return;
  rmSync(to, { recursive: true });
  cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  relink(to);
}

export async function createCase(strategy: Strategy): Promise<UseCase> {
  const place = await world(1);
  const { source, output, root } = place;
  const whole = contents(source);
  let events: ReturnType<typeof surroundings>["events"] = [];
  return {
    name: `create --strategy ${strategy}`,
    world: place,
    async run(fs) {
      const around = surroundings({ fs, homedir: root, cwd: root });
      events = around.events;
      return createFrom(source, { strategy, output }, around);
    },
    async examine(result, gone): Promise<Told> {
      const report = result as CreateReport;
      if (gone.includes(report.archive)) return { how: "warned", wrong: [] };
      const { found } = await archived(report.archive, source);
      const there = new Map(
        found.map(({ path, bytes }) => [path, (typeof bytes === "function" ? bytes() : bytes).toString("latin1")]),
      );
      const skipped = new Set(report.skipped.map(({ path }) => path));
      const wrong: string[] = [];
      for (const [name, content] of Object.entries(whole)) {
        const path = name.replace(/\/$/, "");
        const text = content.replace(/^-> |^\/$/, "");
        const isSkipped = [...skipped].some((each) => path === each || path.startsWith(`${each}/`));
        if (there.get(path) !== text && !isSkipped && !gone.includes(join(source, path)))
          wrong.push(there.has(path) ? `${path} is another` : `${path} is missing`);
        if (there.has(path) && skipped.has(path)) wrong.push(`${path} is there and said to be skipped`);
      }
      const unreadable = report.skipped.some(({ reason }) => reason === "unreadable") || report.unstable.length > 0;
      if (report.complete === unreadable)
        wrong.push(`complete is ${report.complete}, skipped are ${[...skipped].join(", ")}`);
      const warned = report.warnings.length > 0 || events.some(({ type }) => type === "warning");
      const how = !report.complete || skipped.size > 0 ? "incomplete" : warned ? "warned" : "said nothing";
      return { how, wrong };
    },
  };
}

export async function verifyCase(): Promise<UseCase> {
  const place = await world(1);
  const archive = join(place.output, place.made[0] ?? "");
  return {
    name: "verify",
    world: place,
    reads: true,
    run: (fs: Filesystem) => verify(archive, surroundings({ fs, homedir: place.root, cwd: place.root })),
    examine: (result) => ({ how: "said nothing", wrong: (result as { ok: boolean }).ok ? [] : ["it is not ok"] }),
  };
}

export async function pruneCase(): Promise<UseCase> {
  const place = await world(4);
  const { output, made, root } = place;
  const kept = made.slice(-2);
  return {
    name: "prune",
    world: place,
    run: (fs: Filesystem) =>
      prune({ policy: { keepLast: 2 }, output, waitMs: 0 }, surroundings({ fs, homedir: root, cwd: root })),
    examine(result, gone) {
      const report = result as PruneReport;
      const there = readdirSync(output);
      const wrong = kept
        .filter((name) => !there.includes(name) && !gone.includes(join(output, name)))
        .map((name) => `${name} is gone`);
      const failed = new Set(report.failed.map(({ path }) => basename(path)));
      for (const { archive } of report.removed)
        if (there.includes(basename(archive))) wrong.push(`${archive} is there`);
      // One archive less: the last two of those that are left are kept.
      const due = gone.some((path) => kept.includes(basename(path))) ? [] : made.slice(0, -2);
      const left = due.filter((name) => there.includes(name) && !failed.has(name));
      const unsaid = left.filter(
        (name) => ![...report.damaged, ...report.notOurs].some(({ path }) => basename(path) === name),
      );
      wrong.push(...unsaid.map((name) => `${name} was not removed, and nothing is said`));
      const odd = report.failed.length + report.damaged.length + report.notOurs.length > 0;
      return { how: odd ? "reported" : "said nothing", wrong };
    },
  };
}
