import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import { HoldstillError } from "../../errors.js";
import type { RestoreOptions } from "../../restore.js";
import { restoreLines, restoreProblemLines } from "../../report/restore-text.js";
import { follow, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE, INCOMPLETE } from "../exit-code.js";
import { unlocked } from "../keys.js";
import { RESTORE, SHARED } from "../options.js";
import { remoteOf } from "../remote.js";
import { surroundings, type Shell } from "../shell.js";

const OPTIONS = { ...SHARED, ...RESTORE } as const;

type Parsed = InferredOptionTypes<typeof OPTIONS> & { readonly archive: string | undefined };
type Arguments = ArgumentsCamelCase<Parsed>;

export function restoreCommand(context: Context): CommandModule<object, Parsed> {
  return {
    command: "restore [archive]",
    describe: "Give an archive back, into a directory of its own",
    builder: (yargs) =>
      yargs
        .positional("archive", { type: "string", describe: "the archive, or `latest`" })
        .options(OPTIONS)
        .example("$0 restore latest --target ~/restored", "the newest archive, whole")
        .example("$0 restore backup.tar.zst --target /tmp/r --include 'agents/main/**'", "a part of one")
        .example("$0 restore latest --target /tmp/r --strip", "without the leading absolute path")
        .example("$0 restore latest --target /tmp/r --dry-run", "what would be restored")
        .example("$0 restore latest --from restic:/repo --target /tmp/r", "the newest snapshot that restic keeps")
        .epilogue("The target is a new or empty directory outside of what was backed up; nothing is written over."),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: Arguments, { shell, useCases }: Context): Promise<number> {
  const { terminal } = shell;
  const { archive: name, target } = { archive: nameOf(argv), target: argv.target };
  if (target === undefined) {
    throw new HoldstillError("usage", "no target was named", { hint: "Name a new or empty directory: --target DIR" });
  }
  const bare = await surroundings(shell, follow(shell, argv.quiet === true).onEvent);
  const { config, output, identity } = argv;
  const { settings } = await configured({ config, output, identity }, bare, useCases);
  const around = await unlocked(argv, settings, bare, useCases);
  const remote = await remoteOf(argv, settings, around, useCases);
  const confirm = argv.yes === true ? undefined : asking(shell);
  const report = await (remote ?? useCases).restore(
    {
      archive: remote ? name : await useCases.namedArchive(name, settings.output, around),
      ...{ target, include: argv.include ?? [], exclude: argv.exclude ?? [] },
      ...{ strip: argv.strip === true, dryRun: argv.dryRun === true },
      ...{ keepDeliveries: argv.keepDeliveries === true, keepSetuid: argv.keepSetuid === true },
      ...(confirm && { confirm }),
    },
    around,
  );
  if (argv.json) terminal.print([JSON.stringify(report)]);
  else if (argv.quiet) terminal.tell(restoreProblemLines(report));
  else terminal.print(restoreLines(report));
  return report.complete ? COMPLETE : INCOMPLETE;
}

/** Undefined where there is no terminal: nothing keeps a restore from being run again there. */
function asking({ ask }: Shell): RestoreOptions["confirm"] {
  return ask && ((target) => ask(`Remove all that is in the partial restore ${target}, and start over?`));
}

/** One archive, before `--` or after it. */
function nameOf(argv: Arguments): string {
  const rest = argv["--"];
  const names = [
    ...(argv.archive === undefined ? [] : [argv.archive]),
    ...(Array.isArray(rest) ? rest.map(String) : []),
  ];
  const [name, ...others] = names;
  if (name === undefined) {
    throw new HoldstillError("usage", "no archive was named", {
      hint: "The newest one: holdstill restore latest --target DIR",
    });
  }
  if (others.length > 0) throw new HoldstillError("usage", `one archive at a time: ${others.join(" ")}`);
  return name;
}
