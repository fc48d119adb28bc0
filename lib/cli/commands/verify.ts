import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import { HoldstillError } from "../../errors.js";
import { verifyLines } from "../../report/verify-text.js";
import { follow, type Context } from "../command.js";
import { COMPLETE } from "../exit-code.js";
import { SHARED, VERIFY } from "../options.js";
import { surroundings } from "../shell.js";
import { verifySeveral } from "./verify-several.js";

const OPTIONS = { ...SHARED, ...VERIFY } as const;

const ALL = "The newest archive: holdstill verify latest; every archive: holdstill verify --all [--output DIR]";

type Parsed = InferredOptionTypes<typeof OPTIONS> & { readonly archives: string[] };
type Arguments = ArgumentsCamelCase<Parsed>;

export function verifyCommand(context: Context): CommandModule<object, Parsed> {
  return {
    command: "verify [archives..]",
    describe: "Read archives back whole and compare every entry",
    builder: (yargs) =>
      yargs
        .positional("archives", {
          type: "string",
          array: true,
          default: [] as string[],
          describe: "archives to verify",
        })
        .options(OPTIONS)
        .example("$0 verify backup.tar.zst", "one archive, also one by `openclaw backup create`")
        .example("$0 verify --all --output /backup", "every archive there is")
        .epilogue("Exit code 4: an archive is bad, and the first difference is named."),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: Arguments, context: Context): Promise<number> {
  const { shell, useCases } = context;
  const names = [...argv.archives, ...operandsAfterDashes(argv)];
  const around = await surroundings(shell, follow(shell, argv.quiet === true).onEvent);
  if (argv.all) {
    if (names.length > 0) throw new HoldstillError("usage", "--all goes without names of archives");
    return verifySeveral(await useCases.listArchives(argv.output, around), argv, context);
  }
  if (argv.output !== undefined && !names.includes("latest")) {
    throw new HoldstillError("usage", "--output is for --all and for `latest`");
  }
  const archives: string[] = [];
  for (const name of names) archives.push(await useCases.namedArchive(name, argv.output, around));
  const [archive, ...others] = archives;
  if (archive === undefined) throw new HoldstillError("usage", "no archive was named", { hint: ALL });
  if (others.length > 0) return verifySeveral(archives, argv, context);
  const report = await useCases.verify(archive, around);
  if (argv.json) shell.terminal.print([JSON.stringify(report)]);
  else if (!argv.quiet) shell.terminal.print(verifyLines(report));
  return COMPLETE;
}

/** What follows `--`, for archives whose names begin with dashes. */
function operandsAfterDashes(argv: Arguments): string[] {
  const rest = argv["--"];
  return Array.isArray(rest) ? rest.map(String) : [];
}
