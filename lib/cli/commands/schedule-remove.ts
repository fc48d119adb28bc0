import type { CommandModule, InferredOptionTypes } from "yargs";
import { removedLines } from "../../report/schedule-text.js";
import { follow, noOperands, type Context } from "../command.js";
import { COMPLETE } from "../exit-code.js";
import { SCOPE, SHARED } from "../options.js";
import { surroundings } from "../shell.js";
import { scopeOf } from "./schedule-options.js";

const OPTIONS = { ...SHARED, ...SCOPE } as const;

export function removeCommand({
  shell,
  useCases,
  finish,
}: Context): CommandModule<object, InferredOptionTypes<typeof OPTIONS>> {
  return {
    command: "remove",
    describe: "Disarm the timer and remove the units; archives stay",
    builder: (yargs) => yargs.options(OPTIONS).check(noOperands),
    handler: async (argv) => {
      const { onEvent } = follow(shell, argv.quiet === true);
      const report = await useCases.removeSchedule(scopeOf(argv), await surroundings(shell, onEvent));
      if (argv.json) shell.terminal.print([JSON.stringify(report)]);
      else if (!argv.quiet) shell.terminal.print(removedLines(report));
      finish(COMPLETE);
    },
  };
}
