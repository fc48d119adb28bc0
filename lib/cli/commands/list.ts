import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import { failureLines } from "../../report/failure.js";
import type { ListedArchive, ListedSnapshot, ListReport } from "../../report/list-report.js";
import { listLines } from "../../report/list-text.js";
import { follow, noOperands, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE, EXIT_CODES } from "../exit-code.js";
import { unlocked } from "../keys.js";
import { ARCHIVE_DIRECTORY, REMOTE, SHARED, UNLOCK } from "../options.js";
import { remoteOf } from "../remote.js";
import { surroundings } from "../shell.js";

const OPTIONS = { ...SHARED, ...ARCHIVE_DIRECTORY, ...REMOTE, ...UNLOCK } as const;

type Parsed = InferredOptionTypes<typeof OPTIONS>;

export function listCommand(context: Context): CommandModule<object, Parsed> {
  return {
    command: "list",
    describe: "List the archives there are, the newest last",
    builder: (yargs) =>
      yargs
        .options(OPTIONS)
        .check(noOperands)
        .example("$0 list", "those in the default directory")
        .example("$0 list --output /backup --json", "those in another, for a program")
        .example("$0 list --from restic:sftp:nas:/repo", "those that restic keeps")
        .epilogue("Archives by `openclaw backup create` are listed too. Exit code 4: one of the archives is bad."),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: ArgumentsCamelCase<Parsed>, { shell, useCases }: Context): Promise<number> {
  const { terminal } = shell;
  const { onEvent } = follow(shell, argv.quiet === true);
  const bare = await surroundings(shell, onEvent);
  const { settings } = await configured(argv, bare, useCases);
  const around = await unlocked(argv, settings, bare, useCases);
  const remote = await remoteOf(argv, settings, around, useCases);
  const report = await (remote?.list() ?? useCases.list(settings.output, around));
  if (argv.json) terminal.print([JSON.stringify(report)]);
  else {
    if (!argv.quiet) terminal.print(listLines(report.archives));
    if (!argv.quiet && report.archives.length === 0) terminal.tell(["There are no archives here yet."]);
    for (const row of report.archives)
      if (row.ok === false) terminal.tell(failureLines({ path: row.archive, ...row.error }));
  }
  return exitCodeOf(report);
}

/** A bad archive outweighs one that could not be read. */
function exitCodeOf({ archives }: ListReport<ListedArchive | ListedSnapshot>): number {
  const codes = archives.flatMap((row) => (row.ok !== false ? [] : [EXIT_CODES[row.error.code]]));
  return codes.includes(EXIT_CODES["bad-archive"]) ? EXIT_CODES["bad-archive"] : (codes[0] ?? COMPLETE);
}
