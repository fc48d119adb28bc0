import { randomUUID } from "node:crypto";
import { posix } from "node:path";
import { chooseCompression, findZstd, type Compression, type CompressionChoice } from "./archive/compress.js";
import { archiveName, archiveRoot, checkedLabel, stampOf } from "./archive/name.js";
import { bytesOf, type Bytes } from "./bytes.js";
import { discover } from "./profile/discover.js";
import { excluder } from "./profile/exclude.js";
import type { ProfilePlan } from "./profile/plan.js";
import type { Strategy } from "./stage/capture.js";
import { selection, type Selection } from "./stage/selection.js";
import type { Surroundings } from "./surroundings.js";
import { checkOutput, outputOf } from "./vault/output.js";

export interface CreateOptions {
  /** Directories to back up; undefined means the OpenClaw state. */
  readonly sources: readonly string[] | undefined;
  readonly profile: "openclaw" | "directory" | undefined;
  /** An archive directory or an archive's own path. */
  readonly output: string | undefined;
  /** How long to wait for another run to finish, in milliseconds. */
  readonly waitMs: number;
  readonly strategy: Strategy;
  readonly compress: "auto" | Compression;
  readonly level: number | undefined;
  readonly label: string | undefined;
  /** Patterns in the syntax of gitignore. */
  readonly exclude: readonly string[];
  readonly verify: boolean;
  readonly onlyConfig: boolean;
  readonly includeWorkspace: boolean;
  readonly defaultExcludes: boolean;
  readonly excludeCaches: boolean;
}

/** Everything that is settled before anything is touched. */
export interface Prepared {
  readonly id: string;
  readonly createdMs: number;
  readonly plan: ProfilePlan;
  readonly sources: readonly {
    readonly path: Bytes;
    readonly type: "directory" | "file";
    readonly selection: Selection;
  }[];
  readonly choice: CompressionChoice;
  /** The archive directory. */
  readonly directory: string;
  readonly name: string;
  /** The archive's own path. */
  readonly archive: string;
  /** The directory at the top of the archive. */
  readonly root: string;
  readonly cache: Bytes;
}

/**
 * Finds the sources, chooses the compression and names the archive.
 * @throws HoldstillError `usage`, `source-missing`, `output-exists`, `output-unusable`
 */
export function prepare(options: CreateOptions, around: Surroundings): Prepared {
  const { fs, env, homedir } = around;
  const label = options.label === undefined ? undefined : checkedLabel(options.label);
  const plan = discover(options, around);
  const output = outputOf(options.output, plan.profile, options.compress, around);
  checkOutput(
    fs,
    output,
    plan.sources.map(({ path }) => path),
  );
  const asked = output.file?.compression ?? options.compress;
  const choice = chooseCompression(asked, options.level, findZstd(env["PATH"]));
  const createdMs = around.now();
  const stamp = stampOf(createdMs);
  const name = output.file?.name ?? archiveName(stamp, plan.profile, label, choice.format);
  return {
    id: randomUUID(),
    createdMs,
    plan,
    sources: sourcesOf(plan, options.exclude, around),
    choice,
    directory: output.directory,
    name,
    archive: posix.join(output.directory, name),
    root: archiveRoot(stamp, plan.profile),
    cache: bytesOf(posix.join(env["XDG_CACHE_HOME"] || posix.join(homedir, ".cache"), "holdstill")),
  };
}

function sourcesOf(plan: ProfilePlan, exclude: readonly string[], { fs }: Surroundings): Prepared["sources"] {
  const user = exclude.map((pattern) => ({ name: pattern, pattern }));
  return plan.sources.map(({ path, type, rules }) => ({
    path: bytesOf(path),
    type,
    selection: selection(fs, excluder(rules, user), plan.markers),
  }));
}
