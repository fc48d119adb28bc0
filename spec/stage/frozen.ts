import { constants, copyFileSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { bytesOf, bytewise, textOf, type Bytes } from "../../lib/bytes.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { excluder } from "../../lib/profile/exclude.js";
import type { Strategy } from "../../lib/stage/capture.js";
import type { FrozenEntry } from "../../lib/stage/entry.js";
import { freeze, type Frozen } from "../../lib/stage/freeze.js";
import { placeStage } from "../../lib/stage/place.js";
import { alone } from "../../lib/stage/stage-parents.js";
import { selection } from "../../lib/stage/selection.js";
import { thisProcess } from "../../lib/vault/owner.js";
import { tmpDirectory } from "../helpers/tree.js";

/** The methods that every filesystem has. */
export const METHODS = ["link", "copy"] as const;

/** The real disk, on which directories are listed in bytewise order: the walk enters the last of them first. */
export const ordered: Filesystem = {
  ...disk,
  list: (path) => disk.list(path).sort((a, b) => bytewise(a.name, b.name)),
};

/** A disk that clones, as XFS does; the clone is made by copying. */
export function cloning(base: Filesystem): Filesystem {
  const reflink: Filesystem["reflink"] = (from, to) => copyFileSync(from, to, constants.COPYFILE_EXCL);
  return { ...base, reflink };
}

/** Whether a path of the port ends in this name, in whatever directory. */
export function named(name: string): (path: Bytes) => boolean {
  return (path) => path.endsWith(`/${name}`);
}

/** Whether a path of the port is this one, however it is addressed. */
export function at(path: string): (path: Bytes) => boolean {
  return (asked) => realpathSync(asked) === path;
}

/** The same from the second time on: the first is when databases are looked for, before anything is captured. */
export function walking(matches: (path: Bytes) => boolean): (path: Bytes) => boolean {
  let times = 0;
  return (path) => matches(path) && ++times > 1;
}

/** What a freeze made of one or more directories, by path; of several, the index of the source comes first. */
export interface Frost extends Pick<Frozen, "passes" | "settled"> {
  /** In the manner of `contents` of the tree that was frozen; of a hard link, `= first name`. */
  readonly found: Readonly<Record<string, string>>;
  readonly skipped: Readonly<Record<string, string>>;
  readonly methods: Readonly<Record<string, string>>;
}

export async function frostOf(
  fs: Filesystem,
  roots: string | readonly string[],
  strategy: Strategy = "link",
  now = Date.now,
): Promise<Frost> {
  const cache = bytesOf(tmpDirectory());
  const sources = [roots].flat().map((root) => {
    const path = bytesOf(root);
    const stage = placeStage(fs, alone(path, cache), thisProcess());
    return { path, type: "directory" as const, selection: selection(fs, excluder([], []), []), stage };
  });
  try {
    const { signal } = new AbortController();
    const { entries, passes, settled } = await freeze(fs, sources, {
      ...{ strategy, signal, now },
      onProgress: () => undefined,
    });
    const name = nameIn(sources.length);
    const frost = { found: {}, skipped: {}, methods: {}, passes, settled };
    for (const entry of entries) if (entry.path !== "." || entry.type === "skip") note(frost, entry, name);
    return frost;
  } finally {
    for (const { stage } of sources) stage.remove();
  }
}

type Name = (entry: FrozenEntry) => string;

function nameIn(sources: number): Name {
  return ({ source, path }) => (sources > 1 ? join(String(source), textOf(path)) : textOf(path));
}

function note(
  {
    found,
    skipped,
    methods,
  }: { found: Record<string, string>; skipped: Record<string, string>; methods: Record<string, string> },
  entry: FrozenEntry,
  name: Name,
): void {
  switch (entry.type) {
    case "directory":
      found[`${name(entry)}/`] = "/";
      break;
    case "symlink":
      found[name(entry)] = `-> ${textOf(entry.target)}`;
      break;
    case "hardlink":
      found[name(entry)] = `= ${name(entry.target)}`;
      break;
    case "skip":
      skipped[name(entry)] = entry.reason;
      break;
    case "file":
      found[name(entry)] = bytesIn(entry.staged).slice(0, entry.size);
      methods[name(entry)] = entry.method;
      break;
  }
}

/** Does not wait where a FIFO got into the stage. */
function bytesIn(path: Bytes): string {
  const fd = disk.openRead(path);
  try {
    return readFileSync(fd, "latin1");
  } finally {
    disk.close(fd);
  }
}
