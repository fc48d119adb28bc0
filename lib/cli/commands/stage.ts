import { constants } from "node:os";
import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import type { Settings } from "../../config/settings.js";
import { HoldstillError } from "../../errors.js";
import type { StageReport } from "../../report/stage-report.js";
import { stageLines, stageProblemLines } from "../../report/stage-text.js";
import { vanishedLines } from "../../report/text.js";
import type { RunStagedOptions } from "../../run-staged.js";
import { follow, type Context } from "../command.js";
import { configured } from "../configured.js";
import { SHARED, STAGE } from "../options.js";
import { surroundings } from "../shell.js";
import { exitCodeOf } from "./create.js";

const OPTIONS = {
  ...SHARED,
  json: { ...SHARED.json, describe: "print one JSON document on stdout; the command's own goes to stderr" },
  ...STAGE,
} as const;

type Arguments = ArgumentsCamelCase<InferredOptionTypes<typeof OPTIONS>>;

const EXAMPLE = "holdstill stage [options] -- restic backup --ignore-ctime --ignore-inode .";

/** Of a command that a signal ended, as shells have it. */
const BY_SIGNAL = 128;

export function stageCommand(context: Context): CommandModule<object, InferredOptionTypes<typeof OPTIONS>> {
  return {
    command: "stage",
    describe: "Run another backup engine on the frozen tree",
    builder: (yargs) =>
      yargs
        .usage("$0 stage [options] -- COMMAND...\n\nRun another backup engine on the frozen tree")
        .options(OPTIONS)
        .check((argv) => commandOf(argv).length > 0)
        .example("$0 stage -- restic backup --ignore-ctime --ignore-inode .", "the OpenClaw state by restic")
        .example("$0 stage --source ~/app -- rsync -a --delete ./ nas:app/", "any directory by rsync")
        .example("$0 stage -- sh -c 'tar -c . | ssh nas tar -x -C state'", "several programs")
        .epilogue(
          "The command runs in the tree: what an archive would hold, with real names. HOLDSTILL_STAGE is its path, the " +
            "same in every run, and HOLDSTILL_INDEX that of its index. The command's exit code is passed on; where it " +
            "is 0 and something was unreadable, unstable or changed meanwhile, it is 3.",
        ),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: Arguments, { shell, useCases }: Context): Promise<number> {
  const { terminal } = shell;
  const { onEvent, warn } = follow(shell, argv.quiet === true);
  const around = await surroundings(shell, onEvent);
  const { settings } = await configured(argv, around, useCases);
  const report = await useCases.runStaged(optionsOf(argv, settings), around);
  report.warnings.forEach(warn);
  if (argv.json) terminal.print([JSON.stringify(report)]);
  // On stderr: stdout is the command's.
  else if (argv.quiet) terminal.tell([...stageProblemLines(report), ...(settings.strict ? vanishedLines(report) : [])]);
  else terminal.tell(stageLines(report));
  return endOf(report, settings.strict);
}

function endOf({ command, ...report }: StageReport, strict: boolean): number {
  if ("signal" in command) return BY_SIGNAL + signalNumber(command.signal);
  return command.exitCode === 0 ? exitCodeOf(report, strict) : command.exitCode;
}

function signalNumber(name: string): number {
  return Object.entries(constants.signals).find(([known]) => known === name)?.[1] ?? 0;
}

/** What follows `--`. */
function commandOf(argv: Readonly<Record<string, unknown>>): [string, ...string[]] {
  const [program, ...args] = [argv["--"]].flat().filter((word) => typeof word === "string");
  if (program !== undefined && program !== "") return [program, ...args];
  throw new HoldstillError("usage", "no command is given", { hint: `It follows two dashes: ${EXAMPLE}` });
}

function optionsOf(argv: Arguments, settings: Settings): RunStagedOptions {
  const { source, profile, wait, strategy, exclude } = settings;
  const { onlyConfig, includeWorkspace, defaultExcludes, excludeCaches } = settings;
  return {
    ...{ command: commandOf(argv), stdout: argv.json ? "stderr" : "stdout" },
    ...{ sources: source, profile, waitMs: wait, strategy, exclude },
    ...{ onlyConfig, includeWorkspace, defaultExcludes, excludeCaches },
  };
}
