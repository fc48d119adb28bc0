import type { Filesystem } from "../filesystem.js";
import { textOf, bytesOf } from "../bytes.js";
import { findProgram } from "../find-program.js";
import { shellQuoted } from "../restore/shell-quoted.js";
import { runInGroup } from "../run-in-group.js";
import type { Shelled } from "./work.js";

/** A program as it is installed, and how that version of it is installed again. */
export interface Installed {
  readonly version: string;
  /** Undefined where it was not npm that installed it. */
  readonly command: string | undefined;
}

/** How long the program may take to say its version, in milliseconds. */
const PATIENCE_MS = 60_000;
const VERSION = /\b\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?/;
const NPM_GLOBAL = /^(.*)\/lib\/node_modules\/openclaw\//;

/** What `openclaw --version` says, where there is such a program in the PATH. */
export async function installedOpenclaw(fs: Filesystem, options: Shelled): Promise<Installed | undefined> {
  const path = findProgram(fs, "openclaw", options.env["PATH"]);
  if (path === undefined) return undefined;
  const { ok, said } = await runInGroup([path, "--version"], { ...options, limitMs: PATIENCE_MS, output: "kept" });
  const version = ok ? VERSION.exec(said)?.[0] : undefined;
  if (version === undefined) return undefined;
  const [, prefix] = NPM_GLOBAL.exec(textOf(fs.realpath(bytesOf(path)))) ?? [];
  const command =
    prefix === undefined
      ? undefined
      : `npm install --global --prefix ${shellQuoted(prefix || "/")} openclaw@${version}`;
  return { version, command };
}
