import { HoldstillError, isNoSpace, type ErrorCode, type Problem } from "../errors.js";

/** What `--json` prints of a run that failed, under `error`. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly path?: string;
  readonly hint?: string;
  readonly problems?: readonly Problem[];
}

const DEFECT = "This is a defect in holdstill, please report it. HOLDSTILL_DEBUG=1 shows where it happened.";

function classified(error: unknown): HoldstillError {
  if (error instanceof HoldstillError) return error;
  if (!(error instanceof Error)) return new HoldstillError("internal", String(error), { hint: DEFECT });
  if (!("syscall" in error)) return new HoldstillError("internal", error.message, { hint: DEFECT });
  const path = "path" in error && typeof error.path === "string" ? error.path : undefined;
  return new HoldstillError(isNoSpace(error) ? "no-space" : "io", error.message, { path });
}

/** A secret key that was given where a file belongs. */
const SECRET = /AGE-SECRET-KEY-1\w*/gi;

/** A text of an error, which may repeat what was given, without secret keys. */
export function withoutKeys(text: string): string {
  return text.replace(SECRET, "AGE-SECRET-KEY-…");
}

/** What an error means to whoever started the run. Anything that was not thrown on purpose is `internal`. */
export function failureOf(error: unknown): Failure {
  const { code, message, path, hint, problems } = classified(error);
  return {
    ...{ code, message: withoutKeys(message) },
    ...(path !== undefined && { path: withoutKeys(path) }),
    ...(hint !== undefined && { hint }),
    ...(problems !== undefined && { problems }),
  };
}

/** The same for people. */
export function failureLines({ message, path, hint, problems = [] }: Failure): string[] {
  const isSaid = path === undefined || message.includes(path) || problems.some((problem) => problem.path === path);
  const named = isSaid ? message : `${message.replace(/\.$/, "")}: ${path}`;
  return [`holdstill: ${named}`, ...problems.map(problemLine), ...(hint === undefined ? [] : [hint])];
}

/** As compilers write it, so that editors find the place. */
function problemLine({ path, line, column, message }: Problem): string {
  return `  ${[path, line, column].filter((part) => part !== undefined).join(":")}${path === undefined ? "" : ": "}${message}`;
}
