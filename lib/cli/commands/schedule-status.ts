import type { CommandModule, InferredOptionTypes } from "yargs";
import { statusLines } from "../../report/schedule-text.js";
import { follow, noOperands, type Context } from "../command.js";
import { COMPLETE, INCOMPLETE } from "../exit-code.js";
import { SCOPE, SHARED } from "../options.js";
import { surroundings } from "../shell.js";
import { scopeOf } from "./schedule-options.js";

const OPTIONS = { ...SHARED, ...SCOPE } as const;

export function statusCommand({
  shell,
  useCases,
  finish,
}: Context): CommandModule<object, InferredOptionTypes<typeof OPTIONS>> {
  return {
    command: "status",
    describe: "Tell whether the timer is armed, and how the last run ended",
    builder: (yargs) =>
      yargs.options(OPTIONS).check(noOperands).epilogue("Exit code 3: the timer is not armed, or the last run failed."),
    handler: async (argv) => {
      const { onEvent, warn } = follow(shell, argv.quiet === true);
      const status = await useCases.scheduleStatus(scopeOf(argv), await surroundings(shell, onEvent));
      status.warnings.forEach(warn);
      if (argv.json) shell.terminal.print([JSON.stringify(status)]);
      else if (!argv.quiet) shell.terminal.print(statusLines(status));
      const failed = status.lastRun !== null && status.lastRun.ended !== null && status.lastRun.result !== "success";
      finish(status.armed && !failed ? COMPLETE : INCOMPLETE);
    },
  };
}
