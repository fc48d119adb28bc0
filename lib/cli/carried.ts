import { posix } from "node:path";
import type { Options } from "yargs";
import { settingOf } from "../config/settings.js";
import { readDestination } from "../config/values.js";
import type { Surroundings } from "../surroundings.js";

/** Values of options that are paths, and would mean another file from another directory. */
const PATHS = new Set(["source", "prometheus", "passphrase-file"]);

/**
 * The options that were given, as the arguments that say the same from any directory: what a unit starts `create` with.
 * `argv` is what yargs made of them.
 */
export function carriedArguments(
  argv: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, Options>>,
  { cwd, homedir }: Pick<Surroundings, "cwd" | "homedir">,
): string[] {
  return Object.entries(options).flatMap(([name, option]) => {
    const given = argv[name];
    if (given === undefined || given === option.default) return [];
    if (typeof given === "boolean") return [given ? `--${name}` : `--no-${name}`];
    return ([given].flat() as unknown as readonly (string | number)[]).map((value) => {
      const text = name === "wait" ? `${value}ms` : String(value);
      if (name === "to") return `--to=${readDestination(text, { homedir, directory: cwd })}`;
      const isPath = PATHS.has(name) || (name === "encrypt-to" && !settingOf("encryptTo").verbatim?.test(text));
      return `--${name}=${isPath ? posix.resolve(cwd, text) : text}`;
    });
  });
}
