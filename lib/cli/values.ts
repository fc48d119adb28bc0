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

export function oneOf<const T extends string>(option: string, choices: readonly T[]): (given: unknown) => T {
  return (given) => {
    const value = one(option)(given);
    const choice = choices.find((known) => known === value);
    if (choice !== undefined) return choice;
    throw new HoldstillError("usage", `--${option} is one of ${choices.join(", ")}, not ${value}`);
  };
}

export function wholeNumber(option: string): (given: unknown) => number {
  return (given) => {
    const value = one(option)(given);
    if (/^\d{1,9}$/.test(value)) return Number(value);
    throw new HoldstillError("usage", `--${option} is a whole number, not ${value}`);
  };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration such as `90s` or `1.5h`, in milliseconds. */
export function duration(option: string): (given: unknown) => number {
  return (given) => {
    const value = one(option)(given);
    const [, number, unit = ""] = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)$/.exec(value) ?? [];
    const factor = UNITS[unit];
    if (number !== undefined && factor !== undefined) return Math.round(Number(number) * factor);
    if (value === "0") return 0;
    throw new HoldstillError("usage", `--${option} is a number with a unit (ms, s, m, h), such as 5m, not ${value}`);
  };
}
