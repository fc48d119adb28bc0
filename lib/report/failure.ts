import { HoldstillError, isNoSpace, type ErrorCode } from "../errors.js";

/** What `--json` prints of a run that failed, under `error`. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly path?: string;
  readonly hint?: string;
}

const DEFECT = "This is a defect in holdstill, please report it. HOLDSTILL_DEBUG=1 shows where it happened.";

function classified(error: unknown): HoldstillError {
  if (error instanceof HoldstillError) return error;
  if (!(error instanceof Error)) return new HoldstillError("internal", String(error), { hint: DEFECT });
  if (!("syscall" in error)) return new HoldstillError("internal", error.message, { hint: DEFECT });
  const path = "path" in error && typeof error.path === "string" ? error.path : undefined;
  return new HoldstillError(isNoSpace(error) ? "no-space" : "io", error.message, { path });
}

/** What an error means to whoever started the run. Anything that was not thrown on purpose is `internal`. */
export function failureOf(error: unknown): Failure {
  const { code, message, path, hint } = classified(error);
  return { code, message, ...(path !== undefined && { path }), ...(hint !== undefined && { hint }) };
}

/** The same for people. */
export function failureLines({ message, path, hint }: Failure): string[] {
  const named = path === undefined || message.includes(path) ? message : `${message.replace(/\.$/, "")}: ${path}`;
  return hint === undefined ? [`holdstill: ${named}`] : [`holdstill: ${named}`, hint];
}
