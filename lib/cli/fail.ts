import { failureLines, failureOf, withoutKeys } from "../report/failure.js";
import { wantsJson } from "./arguments.js";
import { EXIT_CODES } from "./exit-code.js";
import type { Shell } from "./shell.js";

/** Tells of an error in the way that the arguments ask for, and returns its exit code. */
export function fail(
  error: unknown,
  args: readonly string[],
  { terminal, env }: Pick<Shell, "terminal" | "env">,
): number {
  const failure = failureOf(error);
  if (wantsJson(args)) terminal.print([JSON.stringify({ outcome: "failed", error: failure })]);
  else terminal.tell(failureLines(failure));
  if (env["HOLDSTILL_DEBUG"] && error instanceof Error) terminal.tell(stackLines(error));
  return EXIT_CODES[failure.code];
}

/** Ends a document that is printed as it is read with what failed, and returns the exit code. */
export function failWithin(document: string, error: unknown, { terminal, signal }: Shell): number {
  const failure = failureOf(signal.aborted ? signal.reason : error);
  terminal.print([`${document},${JSON.stringify({ outcome: "failed", error: failure }).slice(1)}`]);
  return EXIT_CODES[failure.code];
}

function stackLines(error: Error): string[] {
  const lines = withoutKeys(error.stack ?? error.message).split("\n");
  return error.cause instanceof Error ? [...lines, "caused by:", ...stackLines(error.cause)] : lines;
}
