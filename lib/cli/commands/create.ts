import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import type { Told } from "../../backup.js";
import type { FromFile } from "../../config/parse.js";
import type { Settings } from "../../config/settings.js";
import type { CreateOptions } from "../../create.js";
import { HoldstillError } from "../../errors.js";
import { destinationOf } from "../../destination.js";
import type { CreateReport } from "../../report/create-report.js";
import type { OnEvent } from "../../report/events.js";
import { prunedLines, prunedProblemLines } from "../../report/prune-text.js";
import { createLines, planLines, problemLines, vanishedLines } from "../../report/text.js";
import { follow, noOperands, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE, EXIT_CODES, INCOMPLETE } from "../exit-code.js";
import { sealOf } from "../keys.js";
import { CREATE, SHARED } from "../options.js";
import { assertPruning, policyOf } from "../retention.js";
import { surroundings } from "../shell.js";

const OPTIONS = { ...SHARED, ...CREATE } as const;

export type Arguments = ArgumentsCamelCase<InferredOptionTypes<typeof OPTIONS>>;

export function createCommand(context: Context): CommandModule<object, InferredOptionTypes<typeof OPTIONS>> {
  return {
    command: "create",
    describe: "Back up a live directory into one verified archive",
    builder: (yargs) =>
      yargs
        .options(OPTIONS)
        .check(noOperands)
        .check(assertPruning)
        .example("$0 create", "the OpenClaw state")
        .example("$0 create --source ~/app --output /backup", "any directory")
        .example("$0 create --exclude '*.log'", "without logs")
        .example("$0 create --to restic:/backup/repo", "into a repository of restic")
        .example(
          "$0 create --to rclone:nas:backups --keep-local 3",
          "uploaded by rclone; the newest three stay here too",
        )
        .example("$0 create --prune --keep-daily 7 --keep-weekly 4", "and remove old archives")
        .example("$0 create --encrypt-to age1…", "encrypted: only the secret key opens it")
        .example("$0 create --dry-run", "what would be archived")
        .epilogue("Files that vanish while it runs are skipped, named and counted, and the exit code is 0."),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: Arguments, context: Context): Promise<number> {
  const { shell, useCases } = context;
  const { terminal } = shell;
  const { onEvent, warn } = follow(shell, argv.quiet === true);
  const goIdle = async (): Promise<void> => {
    const lacking = await useCases.goIdle(shell.env);
    if (lacking !== undefined) warn(lacking);
  };
  const around = await surroundings(shell, argv.background ? onceFrozen(goIdle, onEvent) : onEvent);
  const { settings, file } = await configured({ ...argv, destination: argv.to }, around, useCases);
  const destination = settings.destination === undefined ? undefined : destinationOf(settings.destination);
  if (argv.keepLocal !== undefined && destination?.engine !== "rclone") {
    throw new HoldstillError("usage", "--keep-local goes with --to rclone:REMOTE:PATH");
  }
  const bare = optionsOf(settings);
  if (destination?.engine === "restic") {
    const { createTo } = await import("./create-to.js");
    const told = toldOf(settings, file, "withheld");
    return createTo(destination, { argv, options: bare, strict: settings.strict, told, around, warn }, context);
  }
  const { keepLocal } = settings;
  const options = {
    ...bare,
    seal: await sealOf(argv, settings, around, useCases),
    deliver: destination && (await useCases.deliver({ destination, keepLocal, retention: bare.retention }, around)),
  };
  if (argv.dryRun) {
    const plan = await useCases.plan(options, around);
    plan.problems.forEach(warn);
    if (argv.json) terminal.print([JSON.stringify(plan)]);
    else if (!argv.quiet) terminal.print(planLines(plan));
    return COMPLETE;
  }
  const report = await useCases.create(
    options,
    around,
    toldOf(settings, file, options.seal === undefined ? "named" : "withheld"),
  );
  report.warnings.forEach(warn);
  if (argv.json) terminal.print([JSON.stringify(report)]);
  else if (argv.quiet) terminal.tell([...problemLines(report), ...(settings.strict ? vanishedLines(report) : [])]);
  else terminal.print([...createLines(report), ...prunedLines(report.pruned)]);
  if (!argv.json) terminal.tell(prunedProblemLines(report.pruned));
  return exitCodeOf(report, settings.strict);
}

/** What is to happen when the freeze is over: at normal priority until then, or it would take longer. */
function onceFrozen(act: () => Promise<void>, onEvent: OnEvent): OnEvent {
  return (event) => {
    onEvent(event);
    if (event.type === "phase" && event.phase === "archive") void act();
  };
}

/** Who is to know of the run. */
function toldOf({ prometheus, strict }: Settings, file: FromFile | undefined, paths: Told["paths"]): Told {
  const { hooks = {}, notifications = [] } = file ?? {};
  return {
    ...{ hooks, notifications, prometheus, paths },
    exitCodes: { of: (report) => exitCodeOf(report, strict), ofFailure: (code) => EXIT_CODES[code] },
  };
}

export function exitCodeOf(report: Pick<CreateReport, "skipped" | "complete" | "pruned">, strict: boolean): number {
  const vanished = report.skipped.some((skip) => skip.reason === "vanished");
  return report.complete && !(strict && vanished) && isPruned(report.pruned) ? COMPLETE : INCOMPLETE;
}

function isPruned(pruned: CreateReport["pruned"]): boolean {
  return pruned === undefined || (pruned.outcome === "pruned" && pruned.failed.length === 0);
}

/** What the settings of `create` mean. */
export function optionsOf(settings: Settings): CreateOptions {
  const { source, output, profile, wait, strategy, compress, level, label, exclude, verify } = settings;
  const { onlyConfig, includeWorkspace, defaultExcludes, excludeCaches, prune } = settings;
  return {
    ...{ sources: source, profile, output, waitMs: wait, strategy, compress, level, label, exclude, verify },
    ...{ onlyConfig, includeWorkspace, defaultExcludes, excludeCaches },
    retention: prune ? policyOf(settings) : undefined,
  };
}
