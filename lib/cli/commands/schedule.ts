import type { CommandModule } from "yargs";
import type { Context } from "../command.js";
import { alarmCommand } from "./schedule-alarm.js";
import { installCommand } from "./schedule-install.js";
import { printCommand } from "./schedule-print.js";
import { removeCommand } from "./schedule-remove.js";
import { statusCommand } from "./schedule-status.js";

export function scheduleCommand(context: Context): CommandModule {
  return {
    command: "schedule",
    describe: "Make backups by a systemd timer",
    builder: (yargs) =>
      yargs
        .command(installCommand(context))
        .command(printCommand(context))
        .command(statusCommand(context))
        .command(removeCommand(context))
        .command(alarmCommand(context))
        .demandCommand(1, "schedule needs an action: install, print, status or remove"),
    handler: () => {},
  };
}
