import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import { HoldstillError } from "../../errors.js";
import { verifyLines } from "../../report/verify-text.js";
import { follow, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE } from "../exit-code.js";
import { unlocked } from "../keys.js";
import { SHARED, VERIFY } from "../options.js";
import { remoteOf } from "../remote.js";
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
        .example("$0 verify --all --from restic:/repo --read-data-subset 5%", "a repository of restic, in part")
        .epilogue("Exit code 4: an archive is bad, and the first difference is named."),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: Arguments, context: Context): Promise<number> {
  const { shell, useCases } = context;
  const names = [...argv.archives, ...operandsAfterDashes(argv)];
  const bare = await surroundings(shell, follow(shell, argv.quiet === true).onEvent);
  const { settings } = await configured(argv, bare, useCases);
  const around = await unlocked(argv, settings, bare, useCases);
  const { output } = settings;
  if (argv.all && names.length > 0) throw new HoldstillError("usage", "--all goes without names of archives");
  if (argv.readDataSubset !== undefined && !argv.all)
    throw new HoldstillError("usage", "--read-data-subset goes with --all");
  const remote = await remoteOf(argv, settings, around, useCases);
  const asked = { json: argv.json, quiet: argv.quiet, unseal: around.unseal, verify: remote?.verify };
  if (argv.all) {
    return verifySeveral(await (remote?.names() ?? useCases.listArchives(output, around)), asked, context);
  }
  // One that is not there is told of when it is its turn.
  const found = (name: string): Promise<string> =>
    useCases.namedArchive(name, output, around).catch((error: unknown) => {
      if (names.length > 1 && error instanceof HoldstillError && error.code === "no-archive") return name;
      throw error;
    });
  const archives: string[] = [];
  for (const name of names) archives.push(remote ? name : await found(name));
  const [archive, ...others] = archives;
  if (archive === undefined) throw new HoldstillError("usage", "no archive was named", { hint: ALL });
  if (others.length > 0) return verifySeveral(archives, asked, context);
  const report = await (remote?.verify(archive) ?? useCases.verify(archive, around));
  if (argv.json) shell.terminal.print([JSON.stringify(report)]);
  else if (!argv.quiet) shell.terminal.print(verifyLines(report));
  return COMPLETE;
}

/** What follows `--`, for archives whose names begin with dashes. */
function operandsAfterDashes(argv: Arguments): string[] {
  const rest = argv["--"];
  return Array.isArray(rest) ? rest.map(String) : [];
}
