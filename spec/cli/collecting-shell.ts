import type { Shell } from "../../lib/cli/shell.js";
import { terminalOn, type Writer } from "../../lib/cli/terminal.js";
import { useCases, type UseCases } from "../../lib/cli/use-cases.js";
import { effective } from "../../lib/config/effective.js";
import { createScratch } from "../../lib/scratch.js";

/** A shell whose output can be read, and whose clock stands unless `now` says otherwise. */
export function collectingShell(terminal: { readonly columns?: number } = {}, now: () => number = () => 0) {
  const out: string[] = [];
  const err: string[] = [];
  const controller = new AbortController();
  const tty = terminal.columns === undefined ? {} : { isTTY: true, columns: terminal.columns };
  const shell: Shell = {
    terminal: terminalOn({ write: writeTo(out) }, { write: writeTo(err), ...tty }, { term: "xterm", journal: false }),
    signal: controller.signal,
    takeSignals: () => () => {},
    ask: undefined,
    scratch: createScratch(),
    env: {},
    cwd: () => "/",
    homedir: () => "/root",
    now,
    pid: process.pid,
  };
  return { shell, controller, out: () => out.join(""), err: () => err.join("") } as const;
}

function writeTo(texts: string[]): Writer["write"] {
  return (data, done) => {
    texts.push(typeof data === "string" ? data : Buffer.from(data).toString());
    done?.();
  };
}

/** Use cases of which only some may be called. */
export function only(cases: Partial<UseCases>): UseCases {
  const refuse = (): never => {
    throw new Error("a use case was called that should not have been");
  };
  const itself = (name: string): Promise<string> => Promise.resolve(name);
  const configure: UseCases["configure"] = async (options) => effective({ options, environment: {}, file: undefined });
  const refused = Object.fromEntries(Object.keys(useCases).map((name) => [name, refuse])) as unknown as UseCases;
  return { ...refused, configure, namedArchive: itself, ...cases };
}
