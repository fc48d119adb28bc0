import { HoldstillError } from "../errors.js";

/** A command of which one may be asked for something else. */
interface Asked {
  /** As it is typed, without the program. */
  readonly command: string;
  /** The options that mean something there. */
  readonly takes: readonly string[];
}

/** Refuses the options of a command that would be ignored in silence by what is asked of it. */
export function refuseMeaningless(
  argv: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, unknown>>,
  { command, takes }: Asked,
): void {
  const name = Object.keys(options).find((each) => argv[each] !== undefined && !takes.includes(each));
  if (name === undefined) return;
  const given = argv[name] === false ? `--no-${name}` : `--${name}`;
  throw new HoldstillError("usage", `${given} means nothing with ${command}, and nothing was done`, {
    hint: `It takes: ${takes.map((each) => `--${each}`).join(", ")}`,
  });
}
