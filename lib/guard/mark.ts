import { randomBytes } from "node:crypto";
import type { Filesystem } from "../filesystem.js";
import { processes, readProc } from "./proc.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** The setting by which processes of a guarded command are known. */
const VARIABLE = "HOLDSTILL_GUARD";
/** A guarded command may guard another one. */
const BETWEEN = ":";

/** A mark that no other command has: two with archive directories of their own may begin in the same millisecond. */
export function newMark(id: string): string {
  return `${id}-${randomBytes(8).toString("hex")}`;
}

/** An environment that says whose the processes are that have it, besides what it says already. */
export function marked(env: Environment, mark: string): Environment {
  const outer = env[VARIABLE];
  return { ...env, [VARIABLE]: outer ? `${outer}${BETWEEN}${mark}` : mark };
}

/** The processes that were started with this mark in their environment, and what those have started since. */
export function processesOf(fs: Filesystem, mark: string): number[] {
  return processes(fs).filter((pid) => marksOf(readProc(fs, `/proc/${pid}/environ`) ?? "").includes(mark));
}

function marksOf(environment: string): string[] {
  const setting = environment.split("\0").find((each) => each.startsWith(`${VARIABLE}=`));
  return setting?.slice(VARIABLE.length + 1).split(BETWEEN) ?? [];
}
