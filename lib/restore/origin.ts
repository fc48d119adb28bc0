import type { ArchivedSource } from "../archive/check.js";
import type { SnapshotLine } from "../archive/index.js";
import type { TarVisitor } from "../archive/read.js";
import type { ReadNeeds } from "../read-archive.js";
import type { Inventory } from "./inventory.js";

/** What is known of an archive before any of it is written. */
export interface Known {
  readonly root: string;
  readonly sources: readonly ArchivedSource[];
  readonly inventory: Inventory;
  readonly snapshot?: SnapshotLine | undefined;
  /** Tells it from other archives: of its index or, where it has none, its own. */
  readonly digest: string;
}

/** Where an archive is read from. */
export interface Origin {
  /** As the user knows it. */
  readonly shown: string;
  /** What a copy of its index says, which may be of another archive; undefined where there is none. */
  readonly announced: (around: ReadNeeds) => Promise<Known | undefined>;
  /** The same from the archive itself, without writing anything. */
  readonly learn: (around: ReadNeeds) => Promise<Known>;
  /**
   * Reads it, and shows all that was backed up, checked against what is known of it.
   * @returns what could not be checked: sentences
   * @throws HoldstillError `bad-archive`
   */
  readonly read: (known: Known, visitor: Required<TarVisitor>, around: ReadNeeds) => Promise<readonly string[]>;
}
