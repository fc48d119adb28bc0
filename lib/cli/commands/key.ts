import type { CommandModule, InferredOptionTypes, Options } from "yargs";
import { generatedLines } from "../../report/key-report.js";
import { follow, noOperands, type Context } from "../command.js";
import { COMPLETE } from "../exit-code.js";
import { SHARED } from "../options.js";
import { surroundings } from "../shell.js";
import { one } from "../values.js";

const FILE = "holdstill-identity.txt";

const GENERATE = {
  ...SHARED,
  output: {
    type: "string",
    nargs: 1,
    coerce: one("output"),
    describe: `the file of the secret key, which must not exist [default: ${FILE} in this directory]`,
  },
} as const satisfies Record<string, Options>;

type Generate = InferredOptionTypes<typeof GENERATE>;
type Show = InferredOptionTypes<typeof SHARED> & { readonly file: string };

export function keyCommand(context: Context): CommandModule<object, object> {
  return {
    command: "key",
    describe: "Make keys for encrypted archives",
    builder: (yargs) =>
      yargs
        .command(generateCommand(context))
        .command(showCommand(context))
        .demandCommand(1, "key goes with generate or show")
        .example("$0 key generate", "a new pair of keys")
        .example("$0 key show holdstill-identity.txt", "the public key that belongs to a secret one"),
    handler: () => undefined,
  };
}

function generateCommand({ shell, useCases, finish }: Context): CommandModule<object, Generate> {
  return {
    command: "generate",
    describe: "Make a pair of keys: an identity, which is secret, and its recipient",
    builder: (yargs) =>
      yargs
        .options(GENERATE)
        .check(noOperands)
        .example("$0 key generate --output ~/holdstill-identity.txt", "never over a file that is there")
        .epilogue("The identity is readable by you alone. Without it nobody opens the backups: keep it in two places."),
    handler: async ({ json, quiet, output = FILE }) => {
      const around = await surroundings(shell, follow(shell, quiet === true).onEvent);
      const made = await useCases.generateKey(output, around);
      if (json) shell.terminal.print([JSON.stringify(made)]);
      else if (!quiet) shell.terminal.print(generatedLines(made));
      finish(COMPLETE);
    },
  };
}

function showCommand({ shell, useCases, finish }: Context): CommandModule<object, Show> {
  return {
    command: "show <file>",
    describe: "Print the recipient (public key) that belongs to an identity (secret key)",
    builder: (yargs) =>
      yargs
        .positional("file", { type: "string", demandOption: true, describe: "the file of the identity" })
        .options(SHARED)
        .check(noOperands)
        .example("$0 key show ~/holdstill-identity.txt", "what create --encrypt-to takes"),
    handler: async ({ json, quiet, file }) => {
      const around = await surroundings(shell, follow(shell, quiet === true).onEvent);
      const shown = await useCases.showKeys(file, around);
      shell.terminal.print(json ? [JSON.stringify(shown)] : shown.recipients);
      finish(COMPLETE);
    },
  };
}
