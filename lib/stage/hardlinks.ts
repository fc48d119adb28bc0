import { bytewise, type Bytes } from "../bytes.js";
import type { Stat } from "../filesystem.js";
import type { FrozenEntry, FrozenFile, FrozenHardlink } from "./entry.js";
import { isAppended } from "./kinds.js";

/**
 * Counts the names that a file has outside our stages. Every link into a stage adds one to `nlink`, and a file that is
 * renamed while we walk is linked twice: it has one name of its own all the same.
 */
export interface LinkCounts {
  /** Says that a file was linked into a stage once more. */
  readonly linked: (stat: Stat) => void;
  /** How many names it has of its own; `stat` is from after the last link of ours. */
  readonly own: (stat: Stat) => number;
}

export function linkCounts(): LinkCounts {
  const ours = new Map<number, Map<number, number>>();
  return {
    linked({ dev, ino }) {
      const onDevice = ours.get(dev) ?? new Map<number, number>();
      ours.set(dev, onDevice.set(ino, (onDevice.get(ino) ?? 0) + 1));
    },
    own: ({ dev, ino, nlink }) => nlink - (ours.get(dev)?.get(ino) ?? 0),
  };
}

/** What two names of one file agree in. Inode numbers alone are given to new files at once. */
export function identityOf(stat: Stat): string {
  return `${stat.dev}:${stat.ino}:${stat.birthtimeNs}:${stat.size}:${stat.mtimeNs}`;
}

/** Files that had more than one name when they were captured, with their identity. */
export type ManyNamed = Map<FrozenFile, string>;

/**
 * Makes hard links of the second and further names of a file. The file itself goes by its first name in bytewise order
 * of `pathOf`, which is the order of the archive.
 */
export function group(
  entries: readonly FrozenEntry[],
  manyNamed: ManyNamed,
  pathOf: (entry: FrozenEntry) => Bytes,
): FrozenEntry[] {
  const first = new Map<string, FrozenFile>();
  const telling = new Map<string, FrozenFile>();
  for (const entry of entries) {
    const identity = entry.type === "file" ? manyNamed.get(entry) : undefined;
    if (entry.type !== "file" || identity === undefined) continue;
    const known = first.get(identity);
    if (!known || bytewise(pathOf(entry), pathOf(known)) < 0) first.set(identity, entry);
    if (isAppended(entry.path) && !telling.has(identity)) telling.set(identity, entry);
  }
  const targets = new Map([...first].map(([identity, file]) => [identity, asTold(file, telling.get(identity))]));
  return entries.map((entry) => {
    const identity = entry.type === "file" ? manyNamed.get(entry) : undefined;
    const target = identity === undefined ? undefined : targets.get(identity);
    if (entry.type !== "file" || identity === undefined || !target) return entry;
    return first.get(identity) === entry ? target : hardlink(entry, target);
  });
}

/** A file under its first name, taken for what another of its names says that it is. */
function asTold(file: FrozenFile, telling: FrozenFile | undefined): FrozenFile {
  if (telling === undefined || isAppended(file.path)) return file;
  const { source, path } = file;
  return { ...telling, source, path, alias: telling.path };
}

function hardlink(file: FrozenFile, target: FrozenFile): FrozenHardlink {
  const { source, path, mode, uid, gid, mtimeNs } = file;
  return { type: "hardlink", source, path, mode, uid, gid, mtimeNs, target };
}
