import type { Problem } from "../errors.js";
import { nearest } from "./nearest.js";
import { KEYS, settingOf, variableOf, type Given } from "./settings.js";
import { isWhat, readPathOf, readText, shownText } from "./values.js";

const PREFIX = "HOLDSTILL_";

/** What holdstill reads besides. */
const READ = ["CONFIG", "DEBUG"];
/** What it sets for the commands that it starts, which may start it again. */
const SET = [
  "STAGE",
  "STAGES",
  "INDEX",
  "OUTCOME",
  "EXIT_CODE",
  "ARCHIVE",
  "SNAPSHOT",
  "ERROR",
  "ERROR_CODE",
  "GUARD",
  "UNIT",
];

export interface FromEnvironment {
  readonly given: Given;
  readonly problems: readonly Problem[];
}

/**
 * What the environment says. An empty variable says nothing. A list has an element a line; a value of one line is
 * taken apart at its colons, as in PATH.
 *
 * A variable that is almost one of ours is a problem, since nobody would notice that it does nothing. Others that
 * begin with HOLDSTILL_ are left to whoever set them.
 */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>, homedir: string): FromEnvironment {
  const given: Record<string, unknown> = {};
  const problems: Problem[] = slips(Object.keys(env));
  for (const key of KEYS) {
    const name = variableOf(key);
    const text = env[name];
    if (text === undefined || text === "") continue;
    const setting = settingOf(key);
    const isList = setting.kind === "texts" || setting.kind === "paths";
    const values = (isList ? elementsOf(text) : [text]).map((element) => {
      const value = readText(setting, element);
      if (value === undefined) {
        problems.push({ message: `${name} is ${isWhat(setting)}, not ${shownText(JSON.stringify(element))}` });
      }
      const isPath = setting.kind === "path" || setting.kind === "paths";
      const here = { homedir, directory: undefined };
      return isPath && typeof value === "string" ? readPathOf(setting, value, here) : value;
    });
    given[key] = isList ? values : values[0];
  }
  return { given, problems };
}

function elementsOf(text: string): string[] {
  return text.split(text.includes("\n") ? "\n" : ":").filter((element) => element !== "");
}

function slips(names: readonly string[]): Problem[] {
  const known = [...KEYS.map((key) => variableOf(key).slice(PREFIX.length)), ...READ];
  return names.flatMap((name) => {
    const bare = name.slice(PREFIX.length);
    if (!name.startsWith(PREFIX) || known.includes(bare) || SET.includes(bare)) return [];
    const meant = nearest(bare, known);
    return meant === undefined ? [] : [{ message: `there is no variable ${name}: did you mean ${PREFIX}${meant}?` }];
  });
}
