import { textOf, type Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import { holderOf } from "../vault/lock.js";
import { thisProcess } from "../vault/owner.js";
import { containerOf, failedTrees } from "./containers.js";
import { isThere } from "./exchange.js";
import { journalDirectory, journals } from "./journal-file.js";
import { isUnfinished, nextOf, type Journal, type Next } from "./journal.js";
import { failedLink } from "./links.js";
import { occupied } from "./occupied.js";
import { resumeCommand, type Work } from "./work.js";

/** A tree that a guarded command has left beside the state. */
export interface HeldTree {
  readonly path: string;
  /** What a failed command made of the state; or what is ready to be put back. */
  readonly what: "failed" | "restore-point";
  /** Of its files; where files are cloned they take less. */
  readonly bytes: number;
}

/** What there is of one guarded command. */
export interface Held {
  readonly id: string;
  readonly kind: Journal["kind"];
  readonly phase: Journal["phase"];
  readonly unfinished: boolean;
  /** The process that is at work on it, in words. */
  readonly holder?: string;
  /** What goes on with one that was cut off. */
  readonly resume: string;
  readonly next: Next;
  readonly command: readonly string[];
  readonly archive: string;
  readonly trees: readonly HeldTree[];
}

export function heldIn({ fs, now }: Pick<Work, "fs" | "now">, archives: Bytes): Held[] {
  const holder = holderOf(fs, journalDirectory(archives), thisProcess(), now);
  return journals(fs, archives).map((journal) => {
    const { id, kind, phase, command, archive } = journal;
    const unfinished = isUnfinished(journal);
    const shown = { unfinished, ...(unfinished && holder !== undefined && { holder }), next: nextOf(journal) };
    return {
      id,
      kind,
      phase,
      ...shown,
      resume: resumeCommand({ archives }),
      command,
      archive,
      trees: treesOf(fs, journal),
    };
  });
}

/** What was moved aside. */
export function failedTreesOf(fs: Filesystem, { places, links, id }: Journal): Bytes[] {
  const failed = [...places, ...links.map((link) => ({ failed: failedLink(link, id) }))];
  return failed.flatMap((each) => failedTrees(fs, each));
}

function treesOf(fs: Filesystem, journal: Journal): HeldTree[] {
  const points = journal.places.map(containerOf).filter((path) => isThere(fs, path));
  const paths = [
    ...failedTreesOf(fs, journal).map((path) => ({ path, what: "failed" as const })),
    ...points.map((path) => ({ path, what: "restore-point" as const })),
  ];
  return paths.map(({ path, what }) => ({ path: textOf(path), what, bytes: occupied(fs, path) }));
}
