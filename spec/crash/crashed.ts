import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isArchiveName } from "../../lib/archive/name.js";
import { bytesOf } from "../../lib/bytes.js";
import { disk } from "../../lib/filesystem.js";
import { failureOf } from "../../lib/report/failure.js";
import { placeStage } from "../../lib/stage/place.js";
import { alone } from "../../lib/stage/stage-parents.js";
import { verify } from "../../lib/verify.js";
import { thisProcess } from "../../lib/vault/owner.js";
import { leftovers } from "../faults/leftovers.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { tmpDirectory } from "../helpers/tree.js";
import { STEPS } from "./kill-at.js";

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));
const PRELOAD = new URL("kill-at.js", import.meta.url).href;

/** How a child ended: killed, or by itself after so many steps. */
export type Ended =
  { readonly killed: true } | { readonly killed: false; readonly steps: number; readonly code: number };

/** Runs the command in a process of its own that is killed before its nth step on the disk. */
export function killedAt(nth: number, home: string, args: readonly string[]): Promise<Ended> {
  const env = { PATH: process.env["PATH"], HOME: home, HOLDSTILL_SPEC_KILL_AT: String(nth) };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ["--import", PRELOAD, MAIN, ...args], { cwd: home, env }, (error, _, err) => {
      if (error?.signal === "SIGKILL") return resolve({ killed: true });
      const steps = new RegExp(`^${STEPS}(\\d+)$`, "m").exec(err)?.[1];
      if (steps === undefined) return reject(new Error(`it told no steps: ${err}`));
      return resolve({ killed: false, steps: Number(steps), code: Number(error?.code ?? 0) });
    });
  });
}

export interface Scene {
  /** Holds the source, the archive directory and the stages, and nothing else. */
  readonly root: string;
  readonly source: string;
  readonly output: string;
}

export function scene(): Scene {
  const root = tmpDirectory(existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
  const place = { root, source: join(root, "source"), output: join(root, "archives") };
  mkdirSync(place.source);
  mkdirSync(place.output, { mode: 0o700 });
  return place;
}

/** A stage of a run that is alive: this process. Returns whether it is still there, and how to end it. */
export function livingStage({ root, source }: Scene): { readonly name: string; readonly remove: () => void } {
  const before = new Set(readdirSync(root));
  const stage = placeStage(disk, alone(bytesOf(source), bytesOf(join(root, ".cache"))), thisProcess());
  const [name = ""] = readdirSync(root).filter((each) => !before.has(each));
  return { name, remove: stage.remove };
}

/** What is wrong after a crash, and after the run that follows it: sentences. */
export async function aftermath(scene: Scene, living: string, known: ReadonlySet<string>): Promise<string[]> {
  const wrong: string[] = [];
  for (const name of archivesIn(scene.output)) {
    if (known.has(name)) continue;
    const error = await verify(join(scene.output, name), surroundings()).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error !== undefined) wrong.push(`${name} does not verify: ${failureOf(error).message}`);
  }
  try {
    const report = await createFrom(scene.source, { output: scene.output });
    if (!report.complete) wrong.push(`the next run is incomplete: ${JSON.stringify(report.skipped)}`);
  } catch (error) {
    wrong.push(`the next run failed: ${failureOf(error).message}`);
  }
  const left = leftovers(scene);
  if (!left.some((sentence) => sentence.startsWith(living))) wrong.push("the stage of a living run was removed");
  return [...wrong, ...left.filter((sentence) => !sentence.startsWith(living))];
}

export function archivesIn(output: string): string[] {
  return existsSync(output) ? readdirSync(output).filter((name) => isArchiveName(name)) : [];
}
