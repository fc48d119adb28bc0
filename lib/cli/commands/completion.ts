import type { CommandModule, InferredOptionTypes } from "yargs";
import { noOperands, type Context } from "../command.js";
import { COMPLETION_SCRIPT } from "../completion-script.js";
import { COMPLETE } from "../exit-code.js";
import { SHARED } from "../options.js";

type Arguments = InferredOptionTypes<typeof SHARED>;

/**
 * The command of yargs of that name knows no options, takes any operand that is called so for itself, and guesses by
 * the login shell which shell is meant.
 */
export function completionCommand({ shell, finish }: Context): CommandModule<object, Arguments> {
  return {
    command: "completion",
    describe: "Print a script for bash and zsh that completes commands and options",
    builder: (yargs) =>
      yargs
        .options(SHARED)
        .check(noOperands)
        .example("$0 completion >> ~/.bashrc", "for bash")
        .example("$0 completion >> ~/.zshrc", "for zsh"),
    handler: ({ json }) => {
      const script = COMPLETION_SCRIPT;
      shell.terminal.print(json ? [JSON.stringify({ outcome: "printed", script })] : script.trimEnd().split("\n"));
      finish(COMPLETE);
    },
  };
}
