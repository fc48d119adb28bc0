import type { CommandModule, InferredOptionTypes } from "yargs";
import { installedLines } from "../../report/schedule-text.js";
import { follow, noOperands, type Context } from "../command.js";
import { COMPLETE } from "../exit-code.js";
import { INSTALL } from "../options.js";
import { surroundings } from "../shell.js";
import { DESCRIBED, scheduleOptions } from "./schedule-options.js";

const OPTIONS = { ...DESCRIBED, ...INSTALL } as const;

export function installCommand({
  shell,
  useCases,
  finish,
}: Context): CommandModule<object, InferredOptionTypes<typeof OPTIONS>> {
  return {
    command: "install",
    describe: "Arm a timer that makes backups; again to change it",
    builder: (yargs) =>
      yargs
        .options(OPTIONS)
        .check(noOperands)
        .example("$0 schedule install", "each night at 03:00, as yourself")
        .example("$0 schedule install --calendar 'Mon..Fri 12:00' --now", "by a calendar, and a first one now")
        .example("sudo $0 schedule install --system --run-as claw", "as another user, in a sandbox"),
    handler: async (argv) => {
      const { onEvent, warn } = follow(shell, argv.quiet === true);
      const around = await surroundings(shell, onEvent);
      const options = { ...(await scheduleOptions(argv, around, useCases)), now: argv.now === true };
      const report = await useCases.installSchedule(options, around);
      report.warnings.forEach(warn);
      if (argv.json) shell.terminal.print([JSON.stringify(report)]);
      else if (!argv.quiet) shell.terminal.print(installedLines(report));
      finish(COMPLETE);
    },
  };
}
