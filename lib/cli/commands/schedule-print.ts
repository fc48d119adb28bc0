import type { CommandModule, InferredOptionTypes } from "yargs";
import { printedLines } from "../../report/schedule-text.js";
import { follow, noOperands, type Context } from "../command.js";
import { COMPLETE } from "../exit-code.js";
import { PRINT } from "../options.js";
import { surroundings } from "../shell.js";
import { absolute, DESCRIBED, scheduleOptions } from "./schedule-options.js";

const OPTIONS = { ...DESCRIBED, ...PRINT } as const;

export function printCommand({
  shell,
  useCases,
  finish,
}: Context): CommandModule<object, InferredOptionTypes<typeof OPTIONS>> {
  return {
    command: "print",
    describe: "Print what install would write, and change nothing",
    builder: (yargs) =>
      yargs
        .options(OPTIONS)
        .conflicts("cron", "unit-dir")
        .check(noOperands)
        .example("$0 schedule print --unit-dir units", "into files, to be looked at or installed elsewhere")
        .example("$0 schedule print --cron --daily 04:30", "for a machine without systemd"),
    handler: async (argv) => {
      const { onEvent, warn } = follow(shell, argv.quiet === true);
      const around = await surroundings(shell, onEvent);
      const unitDir = absolute(argv.unitDir, around.cwd);
      const options = { ...(await scheduleOptions(argv, around, useCases)), unitDir, cron: argv.cron === true };
      const report = await useCases.printSchedule(options, around);
      report.warnings.forEach(warn);
      if (argv.json) shell.terminal.print([JSON.stringify(report)]);
      else if (!argv.quiet || !report.written) shell.terminal.print(printedLines(report));
      finish(COMPLETE);
    },
  };
}
