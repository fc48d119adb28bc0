import { findZstd } from "../archive/compress.js";
import { HoldstillError } from "../errors.js";
import { startDatabaseChild } from "../stage/database.js";
import type { Surroundings } from "../surroundings.js";
import { NODE_VERSION } from "../version.js";
import { findings, type Finding } from "./finding.js";

const found = findings("node");

/** What this Node can do: SQLite in a process of its own, as a backup starts it, and zstd. */
export async function checkNode({ env, signal }: Surroundings): Promise<Finding[]> {
  return [found("ok", `Node ${NODE_VERSION}`), await sqlite(signal), zstd(env["PATH"]), NOT_READ];
}

const NOT_READ = found(
  "info",
  "Node cannot read ACLs, extended attributes and file capabilities: they are not in an archive",
);

async function sqlite(signal: AbortSignal): Promise<Finding> {
  try {
    const child = await startDatabaseChild({ signal });
    await child.close();
    return found("ok", "SQLite databases can be copied");
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof HoldstillError)) throw error;
    return found("bad", `SQLite cannot be loaded: ${error.message}`, error.hint ?? "Use Node 22.16 or newer.");
  }
}

function zstd(path: string | undefined): Finding {
  switch (findZstd(path)) {
    case "zlib":
      return found("ok", "zstd is Node's own");
    case "program":
      return found("ok", "zstd is the program of that name");
    case undefined:
      return found(
        "warn",
        "there is no zstd: archives are compressed by gzip",
        "Install zstd, or Node 22.16 or newer.",
      );
  }
}
