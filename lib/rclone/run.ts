import type { Readable } from "node:stream";
import { drained, findEngine, runEngine, type Engine } from "../engine/run.js";
import type { Surroundings } from "../surroundings.js";
import { rcloneFailure } from "./failure.js";

export type EngineNeeds = Pick<Surroundings, "fs" | "env" | "signal" | "scratch" | "cwd" | "onEvent">;

/** What rclone calls the directory that archives are kept in. */
const PLACE = "holdstill_place";

/** Ended because there is no such directory, or no such file. */
const NOT_FOUND = [3, 4];

/**
 * An rclone that knows the directory by a name of ours: by its environment, so that nobody sees in its arguments what
 * the remote is, and what secrets stand in it.
 * @throws HoldstillError `output-unusable` where rclone is not installed
 */
export function findRclone(around: Pick<Surroundings, "fs" | "env">, directory: string): Engine {
  const rclone = findEngine("rclone", around);
  const place = `RCLONE_CONFIG_${PLACE.toUpperCase()}`;
  // What it says is for us: not for a file, and not among its answers.
  const { RCLONE_LOG_FILE: _, RCLONE_SYSLOG: __, RCLONE_PROGRESS: ___, ...env } = rclone.env;
  return {
    ...rclone,
    env: {
      ...{ RCLONE_ASK_PASSWORD: "false", ...env, RCLONE_USE_JSON_LOG: "true" },
      ...{ [`${place}_TYPE`]: "alias", [`${place}_REMOTE`]: directory },
    },
  };
}

/** A path in the directory, as rclone takes it. */
export function at(path: string): string {
  return `${PLACE}:${path}`;
}

/**
 * What is made of rclone's answer; undefined where what it is asked about is not there.
 * @throws HoldstillError by what rclone says where it fails
 */
export async function askRclone<T>(
  rclone: Engine,
  args: readonly string[],
  take: (stdout: Readable) => Promise<T>,
  around: EngineNeeds,
): Promise<T | undefined> {
  const { exitCode, said, taken } = await runEngine(rclone, args, { take }, around);
  if (NOT_FOUND.includes(Number(exitCode))) return undefined;
  if (exitCode !== 0) throw rcloneFailure(exitCode, said);
  return taken;
}

/** Copies one file, and tells how far it is. */
export async function copyFile(rclone: Engine, from: string, to: string, around: EngineNeeds): Promise<void> {
  const onSaid = (line: string): void => {
    const bytes = bytesIn(line);
    if (bytes !== undefined) around.onEvent({ type: "progress", files: 0, bytes });
  };
  const args = ["copyto", "--ignore-times", "--stats", "500ms", "--stats-log-level", "NOTICE", from, to];
  const { exitCode, said } = await runEngine(rclone, args, { take: drained, onSaid }, around);
  if (exitCode !== 0) throw rcloneFailure(exitCode, said);
}

/** How many bytes are through, by a line of statistics. */
function bytesIn(line: string): number | undefined {
  const [, bytes] = /"stats":\{"bytes":(\d+)/.exec(line) ?? [];
  return bytes === undefined ? undefined : Number(bytes);
}
