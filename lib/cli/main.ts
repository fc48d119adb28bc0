#!/usr/bin/env node
import { COMPLETE } from "./exit-code.js";
import { givenArguments } from "./given-arguments.js";
import { runProcess } from "./lifecycle.js";
import { useCases } from "./use-cases.js";
import { VERSION } from "./version.js";

const args = givenArguments(process.argv.slice(2));

runProcess(args, async (shell) => {
  if (args.length === 1 && args[0] === "--version") {
    shell.terminal.print([VERSION]);
    return COMPLETE;
  }
  // Half of the time that `--version` would take is the loading of yargs.
  const { run } = await import("./program.js");
  return run(args, shell, useCases);
});
