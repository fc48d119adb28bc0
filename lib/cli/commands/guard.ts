import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import type { Seal } from "../../age/sealed.js";
import type { Settings } from "../../config/settings.js";
import { HoldstillError } from "../../errors.js";
import type { GuardOptions } from "../../guard.js";
import type { GuardReport } from "../../report/guard-report.js";
import { cleanLines, guardLines, resumeLines, statusLines } from "../../report/guard-text.js";
import { countText, sizeText } from "../../report/size.js";
import { directoriesOf } from "../../vault/archives.js";
import { outputOf } from "../../vault/output.js";
import type { Surroundings } from "../../surroundings.js";
import { follow, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE, EXIT_CODES, NOT_ROLLED_BACK, ROLLED_BACK } from "../exit-code.js";
import { sealAndUnseal, unlocked } from "../keys.js";
import { refuseMeaningless } from "../meaningless.js";
import { GUARD, SHARED, UNLOCK } from "../options.js";
import { guardSurroundings } from "../shell.js";
import type { UseCases } from "../use-cases.js";
import { exitCodeOf } from "./create.js";

const OPTIONS = {
  ...SHARED,
  json: { ...SHARED.json, describe: "print one JSON document on stdout; the command's own output goes to stderr" },
  ...GUARD,
} as const;

const ACTIONS = ["resume", "status", "clean"] as const;

/** Of the options, those that mean something with an action; what was guarded says the rest itself. */
const TAKEN = {
  resume: ["output", ...Object.keys(UNLOCK), "state-only"],
  status: ["output"],
  clean: ["output"],
} as const satisfies Record<(typeof ACTIONS)[number], readonly string[]>;

/** What only going back has a use for. */
const TO_GO_BACK: readonly string[] = ["stop", "start", "grace", "rollback-command"];

/** What does no harm where it goes without saying: whose archives are meant, and that nobody is to be asked. */
const HARMLESS: readonly string[] = ["source", "profile", "yes"];

const EXAMPLE = "holdstill guard [options] -- npm install -g openclaw@latest";

type Parsed = InferredOptionTypes<typeof OPTIONS> & { readonly action: (typeof ACTIONS)[number] | undefined };
type Arguments = ArgumentsCamelCase<Parsed>;

const EXIT_CODE: Readonly<Record<GuardReport["outcome"], number>> = {
  succeeded: COMPLETE,
  "rolled-back": ROLLED_BACK,
  "rollback-failed": NOT_ROLLED_BACK,
  "not-rolled-back": NOT_ROLLED_BACK,
};

export function guardCommand(context: Context): CommandModule<object, Parsed> {
  return {
    command: "guard [action]",
    describe: "Run an upgrade as a transaction: snapshot, command, probe, and back if it fails",
    builder: (yargs) =>
      yargs
        .usage(
          "$0 guard [options] -- COMMAND...\n$0 guard resume|status|clean [--output DIR]\n\n" +
            "Run an upgrade as a transaction: snapshot, command, probe, and back if it fails",
        )
        .positional("action", { choices: ACTIONS, describe: "what to do with what earlier commands have left" })
        .options(OPTIONS)
        .example("$0 guard -- npm install -g openclaw@latest", "back if it fails")
        .example(
          "$0 guard --stop 'systemctl stop app' --start 'systemctl start app' --probe ./healthy -- ./upgrade",
          "",
        )
        .example("$0 guard resume", "after a crash or a power cut: on or back")
        .example("$0 guard status", "what is held, and how much it takes")
        .example("$0 guard clean", "remove what failed commands have left")
        .epilogue(
          "Exit codes: 0 it succeeded, 20 it failed and all is as it was, 21 it failed and that has failed too.",
        ),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: Arguments, context: Context): Promise<number> {
  refuseMeaningless(argv, OPTIONS, takenBy(argv));
  const command = commandOf(argv);
  switch (argv.action) {
    case undefined:
      return guard(argv, command, context);
    case "resume":
      return resume(argv, context);
    case "status":
      return status(argv, context);
    case "clean":
      return clean(argv, context);
  }
}

async function guard(argv: Arguments, command: readonly string[], { shell, useCases }: Context): Promise<number> {
  const { terminal } = shell;
  const { onEvent, warn } = follow(shell, argv.quiet === true);
  const around = await guardSurroundings(shell, onEvent);
  const { settings } = await configured(argv, around, useCases);
  const { seal, unseal } = await sealAndUnseal(argv, settings, around, useCases);
  const report = await useCases.guard(optionsOf(argv, settings, { command, seal }), { ...around, unseal });
  report.warnings.forEach(warn);
  const succeeded = report.outcome === "succeeded";
  if (argv.json) terminal.print([JSON.stringify(report)]);
  // Where nobody is looking, what a command that succeeded has printed is all there is.
  else if (!succeeded || (!argv.quiet && terminal.columns() !== undefined)) terminal.tell(guardLines(report));
  return EXIT_CODE[report.outcome];
}

async function resume(argv: Arguments, { shell, useCases }: Context): Promise<number> {
  const { onEvent } = follow(shell, argv.quiet === true);
  const around = await guardSurroundings(shell, onEvent);
  const { settings } = await configured(placeOf(argv), around, useCases);
  const keys = await unlocked(argv, settings, around, useCases);
  const options = { stateOnly: argv.stateOnly === true };
  const report = await useCases.resume(archiveDirectories(settings.output, around), { ...around, ...keys }, options);
  if (report.outcome === "rollback-failed" && !argv.json) shell.terminal.tell(resumeLines(report));
  else print(report, resumeLines(report), argv, shell);
  return report.outcome === "nothing-to-do" ? COMPLETE : EXIT_CODE[report.outcome];
}

async function status(argv: Arguments, { shell, useCases }: Context): Promise<number> {
  const around = await guardSurroundings(shell, () => {});
  const report = await useCases.guardStatus(await directories(argv, around, useCases), around);
  print(report, statusLines(report), argv, shell);
  return COMPLETE;
}

async function clean(argv: Arguments, { shell, useCases }: Context): Promise<number> {
  const around = await guardSurroundings(shell, () => {});
  const paths = await directories(argv, around, useCases);
  const { held } = await useCases.guardStatus(paths, around);
  const trees = held.filter(({ unfinished }) => !unfinished).flatMap((each) => each.trees);
  if (trees.length > 0 && !argv.yes) {
    const bytes = trees.reduce((sum, tree) => sum + tree.bytes, 0);
    shell.terminal.tell(trees.map(({ path }) => path));
    const yes = await shell.ask?.(
      `Remove ${trees.length === 1 ? "this" : countText(trees.length, "tree")}, ${sizeText(bytes)}?`,
    );
    if (yes === undefined)
      throw new HoldstillError("usage", "nobody can be asked here", { hint: "--yes removes them." });
    if (!yes) return COMPLETE;
  }
  const report = await useCases.clean(paths, around);
  print(report, cleanLines(report), argv, shell);
  return COMPLETE;
}

async function directories(argv: Arguments, around: Surroundings, useCases: UseCases): Promise<string[]> {
  return archiveDirectories((await configured(placeOf(argv), around, useCases)).settings.output, around);
}

/** Where a guarded command with this output keeps its journal, also if that names an archive. */
function archiveDirectories(output: string | undefined, around: Surroundings): string[] {
  const directory = output && outputOf(output, "directory", "auto", around).directory;
  return directoriesOf(directory, around);
}

/** What of the arguments says which archives are meant, and what opens them. */
function placeOf({ config, output, identity }: Arguments) {
  return { config, output, identity };
}

function print(report: object, lines: readonly string[], argv: Arguments, { terminal }: Context["shell"]): void {
  if (argv.json) terminal.print([JSON.stringify(report)]);
  else if (!argv.quiet) terminal.print(lines);
}

function takenBy({ action, rollback }: Arguments) {
  if (action === undefined) {
    const goesBack = rollback !== false;
    const takes = Object.keys(OPTIONS).filter(
      (name) => name !== "state-only" && (goesBack || !TO_GO_BACK.includes(name)),
    );
    return { command: goesBack ? "a guarded command" : "--no-rollback", takes };
  }
  return { command: `guard ${action}`, takes: [...TAKEN[action], ...HARMLESS, ...Object.keys(SHARED)] };
}

/** What follows `--`. */
function commandOf(argv: Arguments): readonly string[] {
  const command = [argv["--"]].flat().filter((word) => typeof word === "string");
  if (argv.action !== undefined) {
    if (command.length === 0) return command;
    throw new HoldstillError("usage", `${argv.action} goes without a command`, { hint: EXAMPLE });
  }
  if (command.length > 0 && command[0] !== "") return command;
  throw new HoldstillError("usage", "no command is given", { hint: `It follows two dashes: ${EXAMPLE}` });
}

/** Of what is configured for backups, what leaves something out does not hold here. */
function optionsOf(
  argv: Arguments,
  settings: Settings,
  { command, seal }: { readonly command: readonly string[]; readonly seal: Seal | undefined },
): GuardOptions {
  const { stop, start, probe } = argv;
  const { source: sources, profile, output, level, wait: waitMs, strategy, compress } = settings;
  return {
    command,
    snapshot: {
      ...{ sources, profile, output, level, waitMs, strategy, compress, seal, retention: undefined },
      ...{ label: argv.label ?? "pre-upgrade", exclude: argv.exclude ?? [] },
      ...{ includeWorkspace: argv.includeWorkspace === true, excludeCaches: argv.excludeCaches === true },
    },
    record: {
      ...{ prometheus: settings.prometheus, paths: seal === undefined ? "named" : "withheld" },
      exitCodes: { of: (report) => exitCodeOf(report, false), ofFailure: (code) => EXIT_CODES[code] },
    },
    allowIncomplete: argv.allowIncomplete === true,
    actions: { stop, start, probe, rollback: argv.rollbackCommand },
    probeMs: argv.probeTimeout ?? 60_000,
    probeEveryMs: argv.probeInterval ?? 2000,
    graceMs: argv.grace ?? 10_000,
    timeoutMs: argv.timeout,
    rollback: argv.rollback !== false,
    stdout: argv.json ? "stderr" : "stdout",
  };
}
