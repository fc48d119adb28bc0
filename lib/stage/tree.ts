import type { Bytes } from "../bytes.js";
import type { Filesystem, Stat } from "../filesystem.js";
import type { CapturedFile } from "./capture.js";
import type { Copies } from "./copies.js";
import type { Databases } from "./databases.js";
import type { Descent } from "./descent.js";
import type { FrozenEntry } from "./entry.js";
import type { LinkCounts, ManyNamed } from "./hardlinks.js";
import type { Stage } from "./place.js";
import type { QuietOptions } from "./quiet.js";
import type { Selection } from "./selection.js";
import type { TakenOpen } from "./take.js";

/** A directory as it was when its names were last listed. */
export interface Listing {
  readonly ino: number;
  readonly mtimeNs: bigint;
  readonly listedAt: number;
  /** Whether a name was gone before it could be captured: it may be found under another one. */
  lost: boolean;
  /** Whether the directory was not at its path when it was last looked for. */
  gone: boolean;
}

/** Where the copy of a file is and when it was made, and what the file was then. */
export interface CopiedFile extends Pick<Stat, "dev" | "size" | "mtimeNs" | "birthtimeNs"> {
  readonly staged: Bytes;
  readonly at: number;
}

/** What one source has become so far: filled by `walk`, made complete by `settle`. */
export interface Tree {
  readonly fs: Filesystem;
  readonly source: number;
  readonly root: Bytes;
  /** The absolute path of what is at a path of the source. */
  readonly pathOf: (path: Bytes) => Bytes;
  readonly databases: Databases;
  readonly stage: Stage;
  readonly method: CapturedFile["method"];
  readonly selection: Selection;
  readonly descent: Descent;
  readonly copies: Copies;
  readonly links: LinkCounts;
  readonly manyNamed: ManyNamed;
  readonly now: () => number;
  /** Nanoseconds of the epoch from which on a file is younger than the run. */
  readonly beganNs: bigint;
  /** Lets signals and progress through, after so many names, from time to time; rejects when the run is to end. */
  readonly breathe: (names: number) => Promise<void> | undefined;
  /** By path, in the order of their capture; a path that is captured again is replaced. */
  readonly entries: Map<Bytes, FrozenEntry>;
  readonly listings: Map<Bytes, Listing>;
  /** What is open and yet to be copied: no entry tells of it. */
  readonly copying: Set<TakenOpen>;
  /** By inode, the files whose bytes were copied when they had been left alone for a while. */
  readonly copied: Map<number, CopiedFile>;
  readonly quiet: Pick<QuietOptions, "now" | "pause">;
  /** How many names were gone between their listing and their capture. */
  lost: number;
}
