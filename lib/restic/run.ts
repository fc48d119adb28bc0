import type { Readable } from "node:stream";
import { findEngine, runEngine, type Engine } from "../engine/run.js";
import { withoutSecrets } from "../destination.js";
import { HoldstillError } from "../errors.js";
import type { Surroundings } from "../surroundings.js";
import { resticFailure } from "./failure.js";

/** @throws HoldstillError `output-unusable` where restic is not installed, `usage` where no repository is named */
export function findRestic(around: Surroundings, repository: string | undefined): Engine {
  const restic = findEngine("restic", around);
  const { env } = restic;
  if (repository === undefined && !env["RESTIC_REPOSITORY"] && !env["RESTIC_REPOSITORY_FILE"]) {
    throw new HoldstillError("usage", "no repository is named", {
      hint: "Give it as restic:REPOSITORY, or set RESTIC_REPOSITORY.",
    });
  }
  if (repository === undefined) return restic;
  const { RESTIC_REPOSITORY_FILE: _, ...others } = env;
  return { ...restic, env: { ...others, RESTIC_REPOSITORY: repository } };
}

/** The repository as it may be shown: without a password that its URL may have. */
export function repositoryText({ env }: Engine): string {
  return `restic:${withoutSecrets(env["RESTIC_REPOSITORY"] ?? "")}`;
}

/**
 * What is made of restic's answer to a question.
 * @throws HoldstillError by what restic says where it fails
 */
export async function askRestic<T>(
  restic: Engine,
  args: readonly string[],
  take: (stdout: Readable) => Promise<T>,
  around: Surroundings,
): Promise<T> {
  const { exitCode, said, taken } = await runEngine(restic, args, { take }, around);
  if (exitCode !== 0) throw resticFailure(exitCode, said);
  return taken as T;
}
