import { HoldstillError } from "../errors.js";

/**
 * The operands of a command in their order, those after `--` too, which yargs gives to no positional.
 * @param needed how many of them have to be there
 * @throws HoldstillError `usage` where there are fewer, or more than there are names
 */
export function operandsOf(
  argv: Readonly<Record<string, unknown>>,
  names: readonly string[],
  needed: number,
): readonly string[] {
  const operands = [...names.map((name) => argv[name]), ...[argv["--"]].flat()].filter(
    (one) => typeof one === "string",
  );
  const missing = names.slice(0, needed)[operands.length];
  if (missing !== undefined) {
    throw new HoldstillError("usage", `no ${missing} was named`, {
      hint: "What there is: holdstill --help, holdstill <command> --help",
    });
  }
  if (operands.length > names.length) {
    throw new HoldstillError("usage", `too many operands: ${operands.slice(names.length).join(" ")}`);
  }
  return operands;
}
