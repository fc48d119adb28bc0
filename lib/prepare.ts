import { randomUUID } from "node:crypto";
import { posix } from "node:path";
import type { Seal } from "./age/sealed.js";
import { chooseCompression, findZstd, type Compression, type CompressionChoice } from "./archive/compress.js";
import { archiveName, archiveRoot, checkedLabel, ENCRYPTED, isEncryptedName, stampOf } from "./archive/name.js";
import { bytesOf, type Bytes } from "./bytes.js";
import type { Deliver } from "./deliver.js";
import { HoldstillError } from "./errors.js";
import { discover } from "./profile/discover.js";
import { excluder } from "./profile/exclude.js";
import type { ProfilePlan } from "./profile/plan.js";
import type { Strategy } from "./stage/capture.js";
import { selection, type Selection } from "./stage/selection.js";
import type { Surroundings } from "./surroundings.js";
import { checkOutput, outputOf } from "./vault/output.js";
import { assertKeeps, type Policy } from "./vault/retention.js";

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
  /** What to keep of the archives that there are once this run is complete; undefined keeps them all. */
  readonly retention: Policy | undefined;
  /** Encrypts the archive and its catalog: see `sealTo`. */
  readonly seal?: Seal | undefined;
  /** Carries the published archive elsewhere, and sees to older ones: see `deliverWithRclone`. */
  readonly deliver?: Deliver | undefined;
}

/** What there is to back up, and of that run what is settled before anything is touched. */
export interface PreparedSources {
  readonly id: string;
  readonly createdMs: number;
  readonly plan: ProfilePlan;
  readonly sources: readonly {
    readonly path: Bytes;
    readonly type: "directory" | "file";
    readonly selection: Selection;
  }[];
  /** The directory at the top of the archive. */
  readonly root: string;
  readonly cache: Bytes;
}

export interface Prepared extends PreparedSources {
  readonly choice: CompressionChoice;
  /** The archive directory. */
  readonly directory: string;
  readonly name: string;
  /** The archive's own path. */
  readonly archive: string;
}

export type SourceOptions = Pick<
  CreateOptions,
  "sources" | "profile" | "exclude" | "onlyConfig" | "includeWorkspace" | "defaultExcludes" | "excludeCaches"
>;

/**
 * Finds the sources.
 * @throws HoldstillError `usage`, `source-missing`
 */
export function prepareSources(options: SourceOptions, around: Surroundings): PreparedSources {
  const { env, homedir } = around;
  const plan = discover(options, around);
  const createdMs = around.now();
  return {
    id: randomUUID(),
    createdMs,
    plan,
    sources: sourcesOf(plan, options.exclude, around),
    root: archiveRoot(stampOf(createdMs), plan.profile),
    cache: bytesOf(cacheDirectory(env["XDG_CACHE_HOME"], homedir)),
  };
}

/** XDG has no use for a relative path. */
function cacheDirectory(given: string | undefined, homedir: string): string {
  return posix.join(given && posix.isAbsolute(given) ? given : posix.join(homedir, ".cache"), "holdstill");
}

/**
 * Finds the sources, chooses the compression and names the archive.
 * @throws HoldstillError `usage`, `source-missing`, `output-exists`, `output-unusable`
 */
export function prepare(options: CreateOptions, around: Surroundings): Prepared {
  const { fs, env } = around;
  if (options.retention !== undefined) assertKeeps(options.retention);
  const label = options.label === undefined ? undefined : checkedLabel(options.label);
  const prepared = prepareSources(options, around);
  const { plan, createdMs } = prepared;
  const output = outputOf(options.output, plan.profile, options.compress, around);
  if (output.file) assertFits(output.file.name, options);
  checkOutput(
    fs,
    output,
    plan.sources.map(({ path }) => path),
  );
  const asked = output.file?.compression ?? options.compress;
  const choice = chooseCompression(asked, options.level, findZstd(env["PATH"]));
  const ending = options.seal === undefined ? "" : ENCRYPTED;
  const made = `${archiveName(stampOf(createdMs), plan.profile, label, choice.format)}${ending}`;
  const name = output.file?.name ?? made;
  return {
    ...prepared,
    ...{ choice, directory: output.directory, name, archive: posix.join(output.directory, name) },
  };
}

/** What a name says of its archive has to be so. */
function assertFits(name: string, { seal }: CreateOptions): void {
  if (isEncryptedName(name) === (seal !== undefined)) return;
  if (seal !== undefined) {
    throw new HoldstillError("usage", `an archive that is encrypted is not called ${name}`, {
      hint: `Call it ${name}${ENCRYPTED}, or give a directory.`,
    });
  }
  throw new HoldstillError("usage", `${name} is the name of an encrypted archive, and nothing says to whom`, {
    hint: "Name who may read it with --encrypt-to, or give a passphrase with --passphrase-file.",
  });
}

function sourcesOf(plan: ProfilePlan, exclude: readonly string[], { fs }: Surroundings): Prepared["sources"] {
  const user = exclude.map((pattern) => ({ name: pattern, pattern }));
  return plan.sources.map(({ path, type, rules }) => ({
    path: bytesOf(path),
    type,
    selection: selection(fs, excluder(rules, user), plan.markers),
  }));
}
