import type { CommandModule, InferredOptionTypes } from "yargs";
import type { Notification } from "../../config/parse.js";
import { HoldstillError } from "../../errors.js";
import { alarmLines } from "../../report/schedule-text.js";
import type { Surroundings } from "../../surroundings.js";
import { follow, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE } from "../exit-code.js";
import { ALARM, SCOPE, SHARED } from "../options.js";
import { surroundings } from "../shell.js";
import type { UseCases } from "../use-cases.js";
import { scopeOf } from "./schedule-options.js";

const OPTIONS = { ...SHARED, ...SCOPE, ...ALARM } as const;

type Parsed = InferredOptionTypes<typeof OPTIONS> & { readonly unit: string };

/** What the alarm unit runs; not for people. */
export function alarmCommand({ shell, useCases, finish }: Context): CommandModule<object, Parsed> {
  return {
    command: "alarm <unit>",
    describe: false,
    builder: (yargs) => yargs.positional("unit", { type: "string", demandOption: true }).options(OPTIONS),
    handler: async (argv) => {
      const { onEvent, warn } = follow(shell, true);
      const around = await surroundings(shell, onEvent);
      const report = await useCases.examineFailure(argv.unit, scopeOf(argv) ?? "user", around);
      if (argv.json) shell.terminal.print([JSON.stringify(report)]);
      else shell.terminal.tell(alarmLines(report));
      const notifications = await notificationsOf(argv.config, around, { useCases, warn });
      await useCases.soundAlarm({ command: argv.alarm, notifications }, report, around);
      finish(COMPLETE);
    },
  };
}

/** A configuration that is bad may be what the alarm is about: it does not keep it from sounding. */
async function notificationsOf(
  config: string | undefined,
  around: Surroundings,
  { useCases, warn }: { readonly useCases: UseCases; readonly warn: (message: string) => void },
): Promise<readonly Notification[]> {
  try {
    return (await configured({ config }, around, useCases)).file?.notifications ?? [];
  } catch (error) {
    if (!(error instanceof HoldstillError) || error.code !== "bad-configuration") throw error;
    warn(`nobody is notified, since ${error.message}`);
    return [];
  }
}
