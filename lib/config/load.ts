import { posix } from "node:path";
import { HoldstillError, type Problem } from "../errors.js";
import { defaultDirectory } from "../vault/output.js";
import { effective, type Effective } from "./effective.js";
import { fromEnvironment } from "./environment.js";
import { findConfiguration, type Around, type Found } from "./find.js";
import type { Parsed } from "./parse.js";
import type { Given } from "./settings.js";
import { readDestination } from "./values.js";

/**
 * Everything that is configured, options included. What it takes to read YAML is loaded only where there is a file.
 * @throws HoldstillError `bad-configuration` with all problems there are
 */
export async function loadConfiguration(
  { options, config }: { readonly options: Given; readonly config: string | undefined },
  around: Around,
): Promise<Effective> {
  const environment = fromEnvironment(around.env, around.homedir);
  const found = findConfiguration(config, around);
  const { file, problems } = found === undefined ? NOTHING : await parse(found, around);
  const all = [...problems, ...environment.problems];
  if (all.length > 0) throw badConfiguration(all, found?.path);
  return withDestination(withOutput(effective({ options, environment: environment.given, file }), around), around);
}

function withDestination(configured: Effective, { homedir, cwd: directory }: Around): Effective {
  const { destination } = configured.settings;
  if (destination === undefined) return configured;
  const whole = readDestination(destination, { homedir, directory });
  return { ...configured, settings: { ...configured.settings, destination: whole } };
}

/** Archives of what is configured lie in the default directory of its profile. Where nothing is, there may be several. */
function withOutput(configured: Effective, around: Around): Effective {
  const { source, output, profile = source === undefined ? undefined : "directory" } = configured.settings;
  if (output !== undefined || profile === undefined) return configured;
  return { ...configured, settings: { ...configured.settings, output: defaultDirectory(profile, around) } };
}

const NOTHING: Parsed = { file: undefined, problems: [] };

async function parse({ path, text }: Found, { homedir }: Around): Promise<Parsed> {
  const { parseConfiguration } = await import("./parse.js");
  return parseConfiguration(text, path, { homedir, directory: posix.dirname(path) });
}

function badConfiguration(problems: readonly Problem[], path: string | undefined): HoldstillError {
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  return new HoldstillError("bad-configuration", `the configuration has ${count}`, {
    path,
    problems,
    hint: "What there is: holdstill config schema, and the README. --config /dev/null goes without a file.",
  });
}
