import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import { pruneLines, pruneProblemLines } from "../../report/prune-text.js";
import { follow, noOperands, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE, INCOMPLETE } from "../exit-code.js";
import { PRUNE, SHARED } from "../options.js";
import { remoteOf } from "../remote.js";
import { policyOf } from "../retention.js";
import { surroundings } from "../shell.js";

const OPTIONS = { ...SHARED, ...PRUNE } as const;

type Arguments = ArgumentsCamelCase<InferredOptionTypes<typeof OPTIONS>>;

const MORE =
  `An archive is kept if any rule keeps it; one that none keeps is removed. The rules are those of restic's \`forget\`. They
count for each host, profile and list of sources on its own, and by the local time of this machine. Of each of these the
newest complete archive always stays. What holdstill did not make, and what is damaged, is never removed.
Exit code 3: something could not be removed.`.replaceAll("\n", " ");

export function pruneCommand(context: Context): CommandModule<object, InferredOptionTypes<typeof OPTIONS>> {
  return {
    command: "prune",
    describe: "Remove the archives that no rule keeps",
    builder: (yargs) =>
      yargs
        .options(OPTIONS)
        .check(noOperands)
        .example("$0 prune --keep-daily 7 --keep-weekly 4 --keep-monthly 12 --dry-run", "what would be removed")
        .example("$0 prune --keep-within 14d --keep-label pre-upgrade", "two weeks, and what was labelled so")
        .example("$0 prune --keep-last 10 --output /backup", "the ten newest of each source")
        .example("$0 prune --keep-daily 7 --from restic:/repo", "of the snapshots that restic keeps")
        .epilogue(MORE),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: Arguments, { shell, useCases }: Context): Promise<number> {
  const { terminal } = shell;
  const around = await surroundings(shell, follow(shell, argv.quiet === true).onEvent);
  const { settings } = await configured(argv, around, useCases);
  const options = { policy: policyOf(settings), output: settings.output, waitMs: settings.wait };
  const remote = await remoteOf(argv, settings, around, useCases);
  const report = await (remote
    ? remote.prune(options.policy, argv.dryRun ? "plan" : "prune")
    : argv.dryRun
      ? useCases.planPrune(options, around)
      : useCases.prune(options, around));
  if (argv.json) terminal.print([JSON.stringify(report)]);
  else if (!argv.quiet) terminal.print(pruneLines(report));
  if (!argv.json) terminal.tell(pruneProblemLines(report));
  return report.failed.length === 0 ? COMPLETE : INCOMPLETE;
}
