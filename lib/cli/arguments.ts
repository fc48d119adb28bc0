import type { Options } from "yargs";
import { HoldstillError } from "../errors.js";

/** Whether the result is to be JSON: asked before the arguments are parsed, for the errors of parsing them. */
export function wantsJson(args: readonly string[]): boolean {
  return ownArguments(args).some((arg) => arg === "--json" || arg === "--json=true");
}

/**
 * Refuses what yargs takes in silence: `--exclude --dry-run` (a value forgotten, and the dry run gone with it), and
 * `--verify=yes`, which it reads as false.
 */
export function checkArguments(args: readonly string[], options: Readonly<Record<string, Options>>): void {
  const own = ownArguments(args);
  own.forEach((arg, index) => {
    const [, name = "", value] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option?.type === "boolean") {
      if (value === undefined || value === "true" || value === "false") return;
      throw new HoldstillError("usage", `--${name} takes no value`);
    }
    const next = own[index + 1];
    if (option === undefined || value !== undefined || (next !== undefined && !next.startsWith("--"))) return;
    throw new HoldstillError("usage", `--${name} needs a value`, {
      hint: next === undefined ? undefined : `A value that starts with dashes is written --${name}=${next}`,
    });
  });
}

function ownArguments(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end < 0 ? args : args.slice(0, end);
}
