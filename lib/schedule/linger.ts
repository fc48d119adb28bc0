import { runProgram } from "../run-program.js";
import type { Account } from "./account.js";

/** What to know where a user's timers do not outlive the last session; undefined where they do, or nobody can tell. */
export async function lingerWarning(
  { name }: Account,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const ended = await runProgram("loginctl", ["show-user", "--property=Linger", "--value", "--", name], { env });
  if (ended === undefined || ended.out.trim() === "yes") return undefined;
  return `the timer stands still while ${name} is not logged in; this changes it: loginctl enable-linger ${name}`;
}
