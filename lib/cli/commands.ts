import type { Argv } from "yargs";
import type { Context } from "./command.js";
import { isCompletion } from "./completions.js";

type Add = (yargs: Argv, context: Context) => Promise<unknown>;

/** In the order of the help. Each is loaded when it may be meant: to load them all takes longer than a small backup. */
const COMMANDS: Readonly<Record<string, Add>> = {
  create: async (yargs, context) => yargs.command((await import("./commands/create.js")).createCommand(context)),
  verify: async (yargs, context) => yargs.command((await import("./commands/verify.js")).verifyCommand(context)),
  stage: async (yargs, context) => yargs.command((await import("./commands/stage.js")).stageCommand(context)),
  status: async (yargs, context) => yargs.command((await import("./commands/status.js")).statusCommand(context)),
  list: async (yargs, context) => yargs.command((await import("./commands/list.js")).listCommand(context)),
  show: async (yargs, context) => yargs.command((await import("./commands/show.js")).showCommand(context)),
  cat: async (yargs, context) => yargs.command((await import("./commands/cat.js")).catCommand(context)),
  diff: async (yargs, context) => yargs.command((await import("./commands/diff.js")).diffCommand(context)),
  prune: async (yargs, context) => yargs.command((await import("./commands/prune.js")).pruneCommand(context)),
  restore: async (yargs, context) => yargs.command((await import("./commands/restore.js")).restoreCommand(context)),
  schedule: async (yargs, context) => yargs.command((await import("./commands/schedule.js")).scheduleCommand(context)),
  doctor: async (yargs, context) => yargs.command((await import("./commands/doctor.js")).doctorCommand(context)),
  guard: async (yargs, context) => yargs.command((await import("./commands/guard.js")).guardCommand(context)),
  rollback: async (yargs, context) => yargs.command((await import("./commands/rollback.js")).rollbackCommand(context)),
  key: async (yargs, context) => yargs.command((await import("./commands/key.js")).keyCommand(context)),
  codes: async (yargs, context) => yargs.command((await import("./commands/codes.js")).codesCommand(context)),
  config: async (yargs, context) => yargs.command((await import("./commands/config.js")).configCommand(context)),
  completion: async (yargs, context) =>
    yargs.command((await import("./commands/completion.js")).completionCommand(context)),
};

/** Tells the parser of the commands that are named in a command line, or of all where none is. */
export async function addCommands(yargs: Argv, args: readonly string[], context: Context): Promise<void> {
  const named = Object.keys(COMMANDS).filter((name) => args.includes(name));
  const isAny = named.length === 0 || isCompletion(args);
  for (const [name, add] of Object.entries(COMMANDS)) if (isAny || named.includes(name)) await add(yargs, context);
}

/** The command that a command line is about; undefined where it names none. */
export function commandOf(args: readonly string[]): string | undefined {
  return args.find((arg) => Object.hasOwn(COMMANDS, arg));
}
