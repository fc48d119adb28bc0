import type { TarEntry } from "../archive/read.js";
import type { Bytes } from "../bytes.js";
import type { Chooser } from "./choose.js";
import type { Layout, Place } from "./layout.js";
import type { Stored } from "./stored-entries.js";

export interface RestoreCounts {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly hardlinks: number;
  /** Of the files. */
  readonly bytes: number;
}

/** What is to be written where. */
export interface RestorePlan {
  readonly counts: RestoreCounts;
  /** Where something goes; undefined for what is left out. */
  readonly destinationOf: (entry: Pick<TarEntry, "type" | "name">) => Bytes | undefined;
  /** Where something would go, chosen or not: a directory may lie above what is. */
  readonly placeOf: Layout["placeOf"];
  /** Whether hard links repeat a file, by its name in the archive. */
  readonly isRepeated: (name: Bytes) => boolean;
  /** The file that a hard link repeats: both by their names in the archive. */
  readonly fileOf: (link: Bytes) => Bytes | undefined;
  /** Sockets and the like, which are never written. */
  readonly special: readonly Bytes[];
  /** What lies outside of all sources, and has no place. */
  readonly unplaced: readonly Place[];
  /** The sources of which something is chosen. */
  readonly sources: ReadonlySet<number>;
}

/** Decides before anything is written; the archive need not be looked at again. */
export function planRestore(entries: Iterable<Stored>, { placeOf, unplaced }: Layout, chosen: Chooser): RestorePlan {
  const counts = { files: 0, directories: 0, symlinks: 0, hardlinks: 0, bytes: 0 };
  const links = new Map<Bytes, Bytes>();
  const repeated = new Set<Bytes>();
  /** Of files that are left out: where the first chosen name of the same file goes, which gets the content. */
  const standIns = new Map<Bytes, Bytes>();
  const standingIn = new Set<Bytes>();
  const special: Bytes[] = [];
  const outside: Place[] = [];
  const sources = new Set<number>();
  const sizes = new Map<Bytes, number>();

  const isChosen = (place: Place, type: TarEntry["type"]): boolean => chosen(place, kindOf(type));
  const destination = (type: TarEntry["type"], name: Bytes): Bytes | undefined => {
    const place = placeOf(name);
    return place !== undefined && isChosen(place, type) ? place.to : undefined;
  };

  for (const { type, name, target } of entries) {
    if (type !== "hardlink") continue;
    links.set(name, target);
    repeated.add(target);
  }
  for (const { type, name, target, size } of entries) {
    if (type === "file" && repeated.has(name)) sizes.set(name, size);
    const place = placeOf(name);
    if (place === undefined) {
      const was = unplaced(name);
      if (was !== undefined && isChosen(was, type)) outside.push(was);
      continue;
    }
    if (!isChosen(place, type)) continue;
    const { source, to } = place;
    if (source !== undefined) sources.add(source);
    if (type === "other") special.push(name);
    else if (type === "directory") counts.directories++;
    else if (type === "symlink") counts.symlinks++;
    else if (type === "file" || (!standIns.has(target) && destination("file", target) === undefined)) {
      counts.files++;
      counts.bytes += type === "file" ? size : (sizes.get(target) ?? 0);
      if (type === "hardlink") {
        standIns.set(target, to);
        standingIn.add(name);
      }
    } else counts.hardlinks++;
  }

  return {
    ...{ counts, special, unplaced: outside, sources, placeOf },
    isRepeated: (name) => repeated.has(name),
    fileOf: (link) => links.get(link),
    destinationOf({ type, name }) {
      if (type === "other" || standingIn.has(name)) return undefined;
      return destination(type, name) ?? standIns.get(name);
    },
  };
}

function kindOf(type: TarEntry["type"]): "file" | "directory" | "symlink" | "special" {
  if (type === "hardlink") return "file";
  return type === "other" ? "special" : type;
}

/** What is needed on disk at most: files fill whole blocks, and everything has an inode. */
export function bytesNeeded({ files, directories, symlinks, bytes }: RestoreCounts): number {
  const BLOCK = 4096;
  return bytes + (files + 2 * directories + symlinks) * BLOCK;
}
