import { runProgram } from "../run-program.js";
import type { Surroundings } from "../surroundings.js";
import { findings, type Finding } from "./finding.js";

const found = findings("engines");

/** Programs that only some uses need: by asking them who they are. */
const PROGRAMS = [
  ["restic", "version"],
  ["rclone", "version"],
  ["age", "--version"],
] as const;

export function checkEngines({ env }: Surroundings): Promise<Finding[]> {
  return Promise.all(
    PROGRAMS.map(async ([program, word]) => {
      const ended = await runProgram(program, [word], { env });
      if (ended === undefined) return found("info", `${program} is not installed; nothing needs it but its own uses`);
      const [version = ""] = ended.out.trim().split("\n");
      return found("ok", version.startsWith(program) ? version : `${program} ${version}`);
    }),
  );
}
