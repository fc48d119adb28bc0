import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import { freshnessLine, statusLines } from "../../report/status-text.js";
import { follow, noOperands, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE, INCOMPLETE } from "../exit-code.js";
import { SHARED, STATUS } from "../options.js";
import { surroundings } from "../shell.js";

const OPTIONS = { ...SHARED, ...STATUS } as const;

type Arguments = ArgumentsCamelCase<InferredOptionTypes<typeof OPTIONS>>;

export function statusCommand(context: Context): CommandModule<object, InferredOptionTypes<typeof OPTIONS>> {
  return {
    command: "status",
    describe: "Tell whether there is a fresh backup",
    builder: (yargs) =>
      yargs
        .options(OPTIONS)
        .check(noOperands)
        .example("$0 status", "of the last day, or so")
        .example("$0 status --max-age 2h --quiet || mail …", "an alarm")
        .example("$0 status --prometheus /var/lib/node_exporter/holdstill.prom", "for a collector")
        .epilogue("Exit code 3: no archive is complete, verified and young enough."),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: Arguments, { shell, useCases }: Context): Promise<number> {
  const { terminal } = shell;
  const { onEvent, warn } = follow(shell, argv.quiet === true);
  const around = await surroundings(shell, onEvent);
  const { output, maxAge, prometheus } = (await configured(argv, around, useCases)).settings;
  const report = await useCases.status({ output, maxAgeMs: maxAge, prometheus }, around);
  const isFresh = report.outcome === "fresh";
  report.warnings.forEach(warn);
  if (argv.json) terminal.print([JSON.stringify(report)]);
  else if (!argv.quiet) terminal.print(statusLines(report));
  else if (!isFresh) terminal.tell([`holdstill: ${freshnessLine(report)}`]);
  return isFresh ? COMPLETE : INCOMPLETE;
}
