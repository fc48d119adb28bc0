import type { Shell } from "../../lib/cli/shell.js";
import { terminalOn } from "../../lib/cli/terminal.js";
import type { UseCases } from "../../lib/cli/use-cases.js";
import { createScratch } from "../../lib/scratch.js";

/** A shell whose output can be read, and whose clock stands unless `now` says otherwise. */
export function collectingShell(terminal: { readonly columns?: number } = {}, now: () => number = () => 0) {
  const out: string[] = [];
  const err: string[] = [];
  const controller = new AbortController();
  const tty = terminal.columns === undefined ? {} : { isTTY: true, columns: terminal.columns };
  const shell: Shell = {
    terminal: terminalOn({ write: (text) => out.push(text) }, { write: (text) => err.push(text), ...tty }, "xterm"),
    signal: controller.signal,
    scratch: createScratch(),
    env: {},
    cwd: () => "/",
    homedir: () => "/root",
    now,
  };
  return { shell, controller, out: () => out.join(""), err: () => err.join("") } as const;
}

/** Use cases of which only some may be called. */
export function only(cases: Partial<UseCases>): UseCases {
  const refuse = (): never => {
    throw new Error("a use case was called that should not have been");
  };
  const itself = (name: string): Promise<string> => Promise.resolve(name);
  return { create: refuse, plan: refuse, verify: refuse, listArchives: refuse, namedArchive: itself, ...cases };
}
