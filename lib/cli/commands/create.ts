import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import type { CreateOptions } from "../../create.js";
import type { CreateReport } from "../../report/create-report.js";
import { createLines, planLines, problemLines, vanishedLines } from "../../report/text.js";
import { follow, noOperands, type Context } from "../command.js";
import { COMPLETE, INCOMPLETE } from "../exit-code.js";
import { CREATE, SHARED } from "../options.js";
import { surroundings } from "../shell.js";

const OPTIONS = { ...SHARED, ...CREATE } as const;

type Arguments = ArgumentsCamelCase<InferredOptionTypes<typeof OPTIONS>>;

export function createCommand(context: Context): CommandModule<object, InferredOptionTypes<typeof OPTIONS>> {
  return {
    command: "create",
    describe: "Back up a live directory into one verified archive",
    builder: (yargs) =>
      yargs
        .options(OPTIONS)
        .check(noOperands)
        .example("$0 create", "the OpenClaw state")
        .example("$0 create --source ~/app --output /backup", "any directory")
        .example("$0 create --exclude '*.log'", "without logs")
        .example("$0 create --dry-run", "what would be archived")
        .epilogue("Files that vanish while it runs are skipped, named and counted, and the exit code is 0."),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: Arguments, { shell, useCases }: Context): Promise<number> {
  const { terminal } = shell;
  const { onEvent, warn } = follow(shell, argv.quiet === true);
  const around = await surroundings(shell, onEvent);
  if (argv.dryRun) {
    const plan = await useCases.plan(optionsOf(argv), around);
    plan.problems.forEach(warn);
    if (argv.json) terminal.print([JSON.stringify(plan)]);
    else if (!argv.quiet) terminal.print(planLines(plan));
    return COMPLETE;
  }
  const report = await useCases.create(optionsOf(argv), around);
  report.warnings.forEach(warn);
  if (argv.json) terminal.print([JSON.stringify(report)]);
  else if (argv.quiet) terminal.tell([...problemLines(report), ...(argv.strict ? vanishedLines(report) : [])]);
  else terminal.print(createLines(report));
  return exitCodeOf(report, argv.strict === true);
}

function exitCodeOf(report: CreateReport, strict: boolean): number {
  const vanished = report.skipped.some((skip) => skip.reason === "vanished");
  return report.complete && !(strict && vanished) ? COMPLETE : INCOMPLETE;
}

function optionsOf(argv: Arguments): CreateOptions {
  return {
    sources: argv.source,
    profile: argv.profile,
    output: argv.output,
    waitMs: argv.wait ?? 0,
    strategy: argv.strategy ?? "auto",
    compress: argv.compress ?? "auto",
    level: argv.level,
    label: argv.label,
    exclude: argv.exclude ?? [],
    verify: argv.verify,
    onlyConfig: argv.onlyConfig === true,
    includeWorkspace: argv.includeWorkspace,
    defaultExcludes: argv.defaultExcludes,
    excludeCaches: argv.excludeCaches === true,
  };
}
