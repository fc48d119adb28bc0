import { posix } from "node:path";
import { compressionOfName } from "../../archive/name.js";
import type { Told } from "../../backup.js";
import type { CreateOptions } from "../../create.js";
import type { ResticDestination } from "../../destination.js";
import { HoldstillError } from "../../errors.js";
import { prunedLines, prunedProblemLines } from "../../report/prune-text.js";
import { resticLines } from "../../report/restic-text.js";
import { stageProblemLines } from "../../report/stage-text.js";
import { vanishedLines } from "../../report/text.js";
import type { Surroundings } from "../../surroundings.js";
import type { Context } from "../command.js";
import { exitCodeOf, type Arguments } from "./create.js";

interface Run {
  readonly argv: Arguments;
  readonly options: CreateOptions;
  readonly strict: boolean;
  readonly told: Told;
  readonly around: Surroundings;
  readonly warn: (message: string) => void;
}

/** `create --to restic:…`: restic stores what was frozen. */
export async function createTo(
  destination: ResticDestination,
  run: Run,
  { shell: { terminal }, useCases }: Context,
): Promise<number> {
  const { argv, options, strict, told, around, warn } = run;
  for (const [option, given] of Object.entries(archiveOnly(argv))) {
    if (given) throw new HoldstillError("usage", `--${option} is for archives, and restic makes none`);
  }
  const report = await useCases.createWithRestic(options, { destination, told }, around);
  report.warnings.forEach(warn);
  if (argv.json) terminal.print([JSON.stringify(report)]);
  else if (argv.quiet) terminal.tell([...stageProblemLines(report), ...(strict ? vanishedLines(report) : [])]);
  else terminal.print([...resticLines(report), ...prunedLines(report.pruned)]);
  if (!argv.json) terminal.tell(prunedProblemLines(report.pruned));
  return exitCodeOf(report, strict);
}

function archiveOnly(argv: Arguments): Record<string, boolean> {
  const { output = "", compress, level, verify, dryRun, encryptTo, passphrase, passphraseFile } = argv;
  return {
    // A directory has the records of runs.
    output: compressionOfName(posix.basename(output)) !== undefined,
    compress: compress !== undefined,
    level: level !== undefined,
    "no-verify": verify === false,
    "dry-run": dryRun === true,
    "encrypt-to": encryptTo !== undefined,
    passphrase: passphrase === true,
    "passphrase-file": passphraseFile !== undefined,
  };
}
