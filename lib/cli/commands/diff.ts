import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import { HoldstillError } from "../../errors.js";
import type { DiffReport, Difference } from "../../report/diff-report.js";
import { differenceText, diffSummary } from "../../report/diff-text.js";
import { follow, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE, INCOMPLETE } from "../exit-code.js";
import { unlocked } from "../keys.js";
import { failWithin } from "../fail.js";
import { operandsOf } from "../operands.js";
import { DIFF, SHARED } from "../options.js";
import { surroundings } from "../shell.js";

const OPTIONS = { ...SHARED, ...DIFF } as const;

type Parsed = InferredOptionTypes<typeof OPTIONS> & {
  readonly from: string | undefined;
  readonly to: string | undefined;
};

export function diffCommand(context: Context): CommandModule<object, Parsed> {
  return {
    command: "diff [from] [to]",
    describe: "Tell what differs between two archives, or between one and what is there now",
    builder: (yargs) =>
      yargs
        .positional("from", { type: "string", describe: "latest, a name's beginning, or a path" })
        .positional("to", { type: "string", describe: "another archive" })
        .options(OPTIONS)
        .example("$0 diff 2026-11-23 latest", "what changed since that backup, until the newest")
        .example("$0 diff latest --live", "what changed since the newest backup")
        .epilogue("Files are compared by digest, not by time. The exit code is 0 also where something differs."),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: ArgumentsCamelCase<Parsed>, { shell, useCases }: Context): Promise<number> {
  const { terminal } = shell;
  const [from = "", to] = operandsOf(argv, ["from", "to"], 0);
  const { live } = argv;
  if (from === "" || (to === undefined) !== (live === true)) {
    throw new HoldstillError("usage", "diff takes two archives, or one and --live");
  }
  const bare = await surroundings(shell, follow(shell, argv.quiet === true).onEvent);
  const { settings } = await configured(argv, bare, useCases);
  const around = await unlocked(argv, settings, bare, useCases);
  const { output } = settings;
  const named = (name: string): Promise<string> => useCases.namedArchive(name, output, around);
  let separator = "";
  const onDifference = (difference: Difference): boolean => {
    if (!argv.json) terminal.print([differenceText(difference)]);
    else terminal.print([`${separator === "" ? '{"differences":[' : ","}${JSON.stringify(difference)}`]);
    separator = ",";
    return terminal.isHeard();
  };
  const [left, right] = [await named(from), to === undefined ? undefined : await named(to)];
  try {
    const report = await (right === undefined
      ? useCases.diffLive(left, around, onDifference)
      : useCases.diff(left, right, around, onDifference));
    if (argv.json)
      terminal.print([`${separator === "" ? '{"differences":[' : ""}],${JSON.stringify(report).slice(1)}`]);
    else if (!argv.quiet) terminal.print(diffSummary(report));
    return exitCodeOf(report);
  } catch (error) {
    if (!argv.json || separator === "") throw error;
    return failWithin("]", error, shell);
  }
}

function exitCodeOf({ counts }: DiffReport): number {
  return counts.unreadable > 0 ? INCOMPLETE : COMPLETE;
}
