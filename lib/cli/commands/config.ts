import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import { KEYS } from "../../config/settings.js";
import { follow, noOperands, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE } from "../exit-code.js";
import { CREATE, optionsOf, SHARED } from "../options.js";
import { surroundings } from "../shell.js";

const { destination: _, ...BY_NAME } = optionsOf(...KEYS);
const SHOW = { ...SHARED, to: CREATE.to, ...BY_NAME } as const;

type Show = InferredOptionTypes<typeof SHOW>;
type Shared = InferredOptionTypes<typeof SHARED>;
type Validate = Shared & { readonly file: string | undefined };

export function configCommand(context: Context): CommandModule<object, object> {
  return {
    command: "config",
    describe: "Show, check and describe the configuration",
    builder: (yargs) =>
      yargs
        .command(showCommand(context))
        .command(validateCommand(context))
        .command(schemaCommand(context))
        .demandCommand(1, "config goes with show, validate or schema")
        .example("$0 config show", "what counts here, and where it comes from")
        .example("$0 config validate holdstill.yaml", "everything that is wrong with a file"),
    handler: () => undefined,
  };
}

function showCommand(context: Context): CommandModule<object, Show> {
  return {
    command: "show",
    describe: "Print what is configured, and where each value comes from",
    builder: (yargs) =>
      yargs
        .options(SHOW)
        .check(noOperands)
        .example("$0 config show", "as a configuration file")
        .example("$0 config show --compress gzip", "what an option would change")
        .epilogue("Options come before HOLDSTILL_… variables, those before the configuration file."),
    handler: async (argv) => context.finish(await show(argv, context)),
  };
}

async function show(argv: ArgumentsCamelCase<Show>, { shell, useCases }: Context): Promise<number> {
  const around = await surroundings(shell, follow(shell, argv.quiet === true).onEvent);
  const effective = await configured({ ...argv, destination: argv.to }, around, useCases);
  const { printConfiguration, shownConfiguration } = await import("../../config/print.js");
  shell.terminal.print(
    argv.json ? [JSON.stringify(shownConfiguration(effective))] : printConfiguration(effective).trimEnd().split("\n"),
  );
  return COMPLETE;
}

function validateCommand(context: Context): CommandModule<object, Validate> {
  return {
    command: "validate [file]",
    describe: "Tell everything that is wrong with a configuration",
    builder: (yargs) =>
      yargs
        .positional("file", { type: "string", describe: "the file [default: the one that counts here]" })
        .options(SHARED)
        .check(noOperands)
        .example("$0 config validate", "the configuration that counts here")
        .epilogue("Exit code 78: something is wrong, and each problem is named with its line and column."),
    handler: async (argv) => context.finish(await validate(argv, context)),
  };
}

async function validate(argv: ArgumentsCamelCase<Validate>, { shell, useCases }: Context): Promise<number> {
  const around = await surroundings(shell, follow(shell, argv.quiet === true).onEvent);
  const { file } = await useCases.configure({}, argv.file ?? argv.config, around);
  if (argv.json) shell.terminal.print([JSON.stringify({ outcome: "valid", file: file?.path ?? null })]);
  else if (!argv.quiet)
    shell.terminal.print([file === undefined ? "There is no configuration file." : `${file.path}: good`]);
  return COMPLETE;
}

function schemaCommand({ shell, finish }: Context): CommandModule<object, Shared> {
  return {
    command: "schema",
    describe: "Print the JSON Schema of the configuration file, for editors",
    builder: (yargs) =>
      yargs.options(SHARED).check(noOperands).example("$0 config schema > holdstill.schema.json", "for an editor"),
    handler: async ({ json }) => {
      const { jsonSchema } = await import("../../config/schema.js");
      shell.terminal.print(JSON.stringify(jsonSchema(), undefined, json ? undefined : 2).split("\n"));
      finish(COMPLETE);
    },
  };
}
