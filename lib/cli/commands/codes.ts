import type { CommandModule, InferredOptionTypes } from "yargs";
import { noOperands, type Context } from "../command.js";
import { COMPLETE, MEANINGS } from "../exit-code.js";
import { SHARED } from "../options.js";

type Arguments = InferredOptionTypes<typeof SHARED>;

export function codesCommand({ shell, finish }: Context): CommandModule<object, Arguments> {
  return {
    command: "codes",
    describe: "Print what the exit codes mean",
    builder: (yargs) => yargs.options(SHARED).check(noOperands).example("$0 codes --json", "the same for a program"),
    handler: ({ json }) => {
      const lines = MEANINGS.map(({ code, meaning }) => `${String(code).padStart(3)}  ${meaning}`);
      shell.terminal.print(json ? [JSON.stringify(MEANINGS)] : [...lines, "Any other code is a failure too."]);
      finish(COMPLETE);
    },
  };
}
