import yargs from "yargs";
import { HoldstillError } from "../errors.js";
import { checkArguments, wantsJson } from "./arguments.js";
import type { Context } from "./command.js";
import { addCommands, commandOf } from "./commands.js";
import { completing, isCompletion } from "./completions.js";
import { COMPLETE } from "./exit-code.js";
import { fail } from "./fail.js";
import {
  CREATE,
  DIFF,
  GUARD,
  INSTALL,
  optionsOf,
  PRINT,
  PRUNE,
  RESTORE,
  ROLLBACK,
  SCHEDULE,
  SHARED,
  SHOW,
  VERIFY,
} from "./options.js";
import { KEYS } from "../config/settings.js";
import type { Shell } from "./shell.js";
import type { UseCases } from "./use-cases.js";
import { VERSION } from "./version.js";

const WIDTH = 100;
const HELP = ["--help", "-h", "help"];
/** Of any command: no name means two things. */
const OPTIONS = {
  ...SHARED,
  ...CREATE,
  ...VERIFY,
  ...SHOW,
  ...DIFF,
  ...PRUNE,
  ...RESTORE,
  ...SCHEDULE,
  ...INSTALL,
  ...PRINT,
  ...GUARD,
  ...ROLLBACK,
  ...optionsOf(...KEYS),
};
const NO_COMMAND = "no command given";

/** Runs one command line to its end and returns the exit code; errors are told, never thrown. */
export async function run(args: readonly string[], shell: Shell, useCases: UseCases): Promise<number> {
  let exitCode = COMPLETE;
  const finish = (code: number): void => {
    exitCode = code;
  };
  try {
    if (!isCompletion(args)) checkArguments(args, OPTIONS);
    await parse(args, { shell, useCases, finish });
    return exitCode;
  } catch (error) {
    // Half a command line has errors; nobody asked for them.
    if (isCompletion(args)) return COMPLETE;
    return fail(shell.signal.aborted ? shell.signal.reason : error, args, shell);
  } finally {
    shell.terminal.status("");
  }
}

async function parse(args: readonly string[], context: Context): Promise<void> {
  const { terminal } = context.shell;
  const width = Math.min(WIDTH, terminal.columns() ?? WIDTH);
  const parser = yargs([...args]);
  await addCommands(parser, args, context);
  parser
    .scriptName("holdstill")
    .locale("en")
    .parserConfiguration({
      "dot-notation": false,
      "nargs-eats-options": true,
      "parse-numbers": false,
      "parse-positional-numbers": false,
      "populate--": true,
    })
    .usage("$0 <command>\n\nConsistent backups of state that will not hold still.")
    .demandCommand(1, NO_COMMAND)
    .strict()
    .strictCommands()
    .version("version", "print the version", VERSION)
    .help("help", "print this help")
    .alias("help", "h")
    .wrap(width)
    .epilogue(
      "holdstill <command> --help tells more. What the exit codes mean: holdstill codes. " +
        "What is configured: holdstill config show",
    )
    .exitProcess(false)
    // One that returned would let the command run all the same.
    .fail((message: string | null, error: Error | undefined) => {
      throw error === undefined || error.name === "YError" ? usageError(message ?? error?.message ?? "", args) : error;
    });
  // Its command is hidden: ours has the name that people know.
  if (isCompletion(args)) parser.completion("yargs-completion", false, completing(args, OPTIONS));
  // yargs puts the help of a command together whenever it runs one: without its options that takes half the time.
  if (!isCompletion(args) && !args.some((arg) => HELP.includes(arg))) {
    for (const name of Object.keys(OPTIONS)) parser.hide(name);
  }
  try {
    await parser.parseAsync();
  } catch (error) {
    const lost = error instanceof HoldstillError && error.message === NO_COMMAND && !wantsJson(args);
    if (lost) terminal.tell(`${await parser.wrap(width).getHelp()}\n`.split("\n"));
    throw error;
  }
}

function usageError(message: string, args: readonly string[]): HoldstillError {
  const [, operand] = /^Unknown command: (.+)$/s.exec(message) ?? [];
  if (operand !== undefined && args.includes("create")) {
    return new HoldstillError("usage", `create takes no operands: ${operand}`, {
      hint: "A directory to back up is given with --source DIR.",
    });
  }
  // What yargs calls an unknown command is mostly an operand too many of a known one.
  const command = commandOf(args);
  if (operand !== undefined && command !== undefined && !args.includes("guard")) {
    return new HoldstillError("usage", `${command} does not take ${operand}`, {
      hint: `What it takes: holdstill ${command} --help`,
    });
  }
  const action = /Argument: action, Given: "(.*?)", Choices: /s.exec(message)?.[1] ?? operand;
  if (action !== undefined && args.includes("guard")) {
    return new HoldstillError("usage", `guard takes resume, status or clean, not ${action}`, {
      hint: "A command follows two dashes: holdstill guard [options] -- npm install -g openclaw@latest",
    });
  }
  const text = (message.slice(0, 1).toLowerCase() + message.slice(1)).replaceAll(/\s*\n\s*/g, " ");
  return new HoldstillError("usage", text, { hint: "What there is: holdstill --help, holdstill <command> --help" });
}
