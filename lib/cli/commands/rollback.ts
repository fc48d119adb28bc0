import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import { HoldstillError } from "../../errors.js";
import type { RollbackPlan } from "../../report/guard-report.js";
import { planLines, rollbackLines } from "../../report/guard-text.js";
import { follow, noOperands, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE, NOT_ROLLED_BACK } from "../exit-code.js";
import { unlocked } from "../keys.js";
import { ROLLBACK, SHARED } from "../options.js";
import { guardSurroundings } from "../shell.js";

const OPTIONS = { ...SHARED, ...ROLLBACK } as const;

type Parsed = InferredOptionTypes<typeof OPTIONS> & { readonly archive: string };
type Arguments = ArgumentsCamelCase<Parsed>;

export function rollbackCommand(context: Context): CommandModule<object, Parsed> {
  return {
    command: "rollback <archive>",
    describe: "Put the state back as an archive holds it; what is there now is kept beside it",
    builder: (yargs) =>
      yargs
        .positional("archive", { type: "string", demandOption: true, describe: "an archive, or `latest`" })
        .options(OPTIONS)
        .check(noOperands)
        .example("$0 rollback latest --dry-run", "what would be put back")
        .example("$0 rollback latest --stop 'systemctl stop app' --start 'systemctl start app'", "")
        .epilogue("Without a terminal it needs --yes. Exit code 21: it could not be put back, and why."),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: Arguments, { shell, useCases }: Context): Promise<number> {
  const { terminal, ask } = shell;
  if (!argv.dryRun && !argv.yes && ask === undefined) {
    throw new HoldstillError("usage", "nobody can be asked here", {
      hint: "--yes puts the state back without asking.",
    });
  }
  const around = await guardSurroundings(shell, follow(shell, argv.quiet === true).onEvent);
  const confirm = async (plan: RollbackPlan): Promise<boolean> => {
    if (argv.dryRun) return false;
    if (argv.yes) return true;
    terminal.tell(planLines(plan));
    return (await ask?.("Put it back?")) === true;
  };
  const { config, output, identity } = argv;
  const { settings } = await configured({ config, output, identity }, around, useCases);
  const keys = await unlocked(argv, settings, around, useCases);
  const archive = await useCases.namedArchive(argv.archive, settings.output, around);
  const report = await useCases.rollback(optionsOf(argv, archive, confirm), { ...around, ...keys });
  if (argv.json) terminal.print([JSON.stringify(report)]);
  else if (report.outcome === "rollback-failed") terminal.tell(rollbackLines(report));
  else if (report.outcome === "rolled-back" || argv.dryRun) terminal.print(argv.quiet ? [] : rollbackLines(report));
  return report.outcome === "rollback-failed" ? NOT_ROLLED_BACK : COMPLETE;
}

function optionsOf(
  { includeWorkspace, stop, start, grace }: Arguments,
  archive: string,
  confirm: (plan: RollbackPlan) => Promise<boolean>,
) {
  return { archive, confirm, stop, start, includeWorkspace: includeWorkspace === true, graceMs: grace ?? 10_000 };
}
