import type { CommandModule, InferredOptionTypes } from "yargs";
import { findingLines } from "../../report/doctor-text.js";
import { follow, noOperands, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE, INCOMPLETE } from "../exit-code.js";
import { CREATE, optionsOf, SHARED } from "../options.js";
import { surroundings } from "../shell.js";
import { optionsOf as createOptionsOf } from "./create.js";

const { "dry-run": _, background: __, prune: ___, ...BACKUP } = CREATE;
const OPTIONS = { ...SHARED, ...BACKUP, ...optionsOf("maxAge", "identity") } as const;

export function doctorCommand({
  shell,
  useCases,
  finish,
}: Context): CommandModule<object, InferredOptionTypes<typeof OPTIONS>> {
  return {
    command: "doctor",
    describe: "Tell what this machine can do, and what is amiss",
    builder: (yargs) =>
      yargs
        .options(OPTIONS)
        .check(noOperands)
        .example("$0 doctor --source ~/app --output /backup", "of a backup with these options")
        .epilogue("Exit code 3: something is bad. --quiet names only that, and warnings."),
    handler: async (argv) => {
      const around = await surroundings(shell, follow(shell, argv.quiet === true).onEvent);
      const { settings } = await configured(argv, around, useCases);
      const { maxAge: maxAgeMs, identity: identities } = settings;
      const report = await useCases.doctor({ create: createOptionsOf(settings), maxAgeMs, identities }, around);
      const { outcome, findings } = report;
      const amiss = findings.filter(({ level }) => level === "bad" || level === "warn");
      if (argv.json) shell.terminal.print([JSON.stringify(report)]);
      else shell.terminal.print(findingLines(argv.quiet ? amiss : findings));
      finish(outcome === "healthy" ? COMPLETE : INCOMPLETE);
    },
  };
}
