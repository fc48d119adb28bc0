import type { Destination } from "./destination.js";
import type { Prunes } from "./prune-snapshots.js";
import type { ListedArchive, ListedSnapshot, ListReport } from "./report/list-report.js";
import type { PruneReport } from "./report/prune-report.js";
import type { RestoreReport } from "./report/restore-report.js";
import type { Verified } from "./report/verify-text.js";
import { rcloneRemote } from "./rclone-remote.js";
import { resticRemote } from "./restic-remote.js";
import type { RestoreOptions } from "./restore.js";
import type { Surroundings } from "./surroundings.js";
import type { Policy } from "./vault/retention.js";

/** A place beyond this machine where archives are kept by another program. */
export interface Remote {
  readonly list: () => Promise<ListReport<ListedArchive | ListedSnapshot>>;
  /** What there is to verify where no archive is named: each archive, or a name for all of them together. */
  readonly names: () => Promise<readonly string[]>;
  readonly verify: (name: string) => Promise<Verified>;
  readonly restore: (options: RestoreOptions) => Promise<RestoreReport>;
  readonly prune: (policy: Policy, prunes: Prunes) => Promise<PruneReport>;
}

/** What is asked of a remote beyond that. */
export interface RemoteOptions {
  /** How much of its data restic is to read when it checks a repository: `5%`, `1/10`, `2G`. */
  readonly readDataSubset: string | undefined;
}

/** @throws HoldstillError `output-unusable` where the program is not installed, `usage` */
export function remoteAt(destination: Destination, options: RemoteOptions, around: Surroundings): Remote {
  return destination.engine === "restic"
    ? resticRemote(destination, options, around)
    : rcloneRemote(destination, around);
}
