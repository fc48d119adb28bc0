import type { Setting } from "../config/settings.js";
import { isWhat, readText, shownText } from "../config/values.js";
import { HoldstillError } from "../errors.js";

/**
 * What yargs gives for an option: one string, or an array where it was given more than once, or false for `--no-…`.
 * (Its own arrays swallow operands and refuse values with a leading dash.) Of an error thrown here yargs keeps the
 * message only.
 */
function values(option: string, given: unknown): string[] {
  return [given].flat().map((value) => {
    if (typeof value !== "string" || value === "") throw new HoldstillError("usage", `--${option} needs a value`);
    return value;
  });
}

/** An option that may be given more than once. */
export function many(option: string): (given: unknown) => string[] {
  return (given) => values(option, given);
}

/** An option that may be given once. */
export function one(option: string): (given: unknown) => string {
  return (given) => {
    const [value, ...others] = values(option, given);
    if (value === undefined || others.length > 0) {
      throw new HoldstillError("usage", `--${option} was given more than once`);
    }
    return value;
  };
}

/** An option that sets something: what configuration could say as well. */
export function valueOf(option: string, setting: Omit<Setting, "describe">): (given: unknown) => unknown {
  const read = (text: string) => {
    const value = readText(setting, text);
    if (value !== undefined) return value;
    throw new HoldstillError("usage", `--${option} is ${isWhat(setting)}, not ${shownText(text)}`);
  };
  const isList = setting.kind === "texts" || setting.kind === "paths";
  return (given) => (isList ? many(option)(given).map(read) : read(one(option)(given)));
}

export function oneOf<const T extends string>(option: string, choices: readonly T[]): (given: unknown) => T {
  return valueOf(option, { kind: "text", choices }) as (given: unknown) => T;
}

export function wholeNumber(option: string): (given: unknown) => number {
  return valueOf(option, { kind: "count" }) as (given: unknown) => number;
}

/** A duration such as `90s` or `1.5h`, in milliseconds. */
export function duration(option: string): (given: unknown) => number {
  return valueOf(option, { kind: "duration" }) as (given: unknown) => number;
}
