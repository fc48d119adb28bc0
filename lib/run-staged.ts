import type { StageReport } from "./report/stage-report.js";
import { programOf, runCommand } from "./run-command.js";
import { stagedReport } from "./staged-report.js";
import { withStaged, type Staged, type StagedOptions } from "./staged.js";
import type { Surroundings } from "./surroundings.js";

export interface RunStagedOptions extends Omit<StagedOptions, "label"> {
  readonly command: readonly [string, ...string[]];
  /** Where the command's stdout goes. */
  readonly stdout: "stdout" | "stderr";
}

/**
 * Freezes the sources and runs a command on what they were: in their tree, with its path and that of its index in the
 * environment. Nothing is left of the tree when the command has ended.
 * @throws HoldstillError `usage` where there is no such command; else the code of what failed before it was started
 */
export async function runStaged(options: RunStagedOptions, around: Surroundings): Promise<StageReport> {
  const [name, ...args] = options.command;
  const program = programOf(around.fs, name, around);
  return withStaged({ ...options, label: undefined }, around, async (staged) => {
    around.signal.throwIfAborted();
    around.onEvent({ type: "handover" });
    const env = { ...around.env, ...environmentOf(staged) };
    const command = await runCommand(program, args, { cwd: staged.trees[0], env, stdout: options.stdout }, around);
    const usedMs = around.now();
    return {
      outcome: "ran",
      command,
      ...stagedReport(staged, staged.changed(), { usedMs, nowMs: around.now() }),
    };
  });
}

/** What the command is told. */
function environmentOf({ trees, index }: Staged): Record<string, string> {
  return { HOLDSTILL_STAGE: trees[0], HOLDSTILL_STAGES: trees.join("\n"), HOLDSTILL_INDEX: index };
}
