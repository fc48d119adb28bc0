import type { ArchivedSource } from "../archive/check.js";
import { payloadRoot } from "../archive/index.js";
import { nameOf, under, type Bytes } from "../bytes.js";
import type { Stored } from "./stored-entries.js";

/** Where something in an archive was, and where it goes. */
export interface Place {
  /** What it was backed up with, as an index; undefined where no source is known for it. */
  readonly source: number | undefined;
  /** Below its source, `.` for the source itself; absolute without the first slash where no source is known. */
  readonly path: Bytes;
  /** Below the target; `.` for the target itself. */
  readonly to: Bytes;
}

export interface Layout {
  /** By a name in the archive's payload; undefined for what has no place in the target. */
  readonly placeOf: (name: Bytes) => Place | undefined;
  /** The same of what has no place though it is none of the directories above the sources: where it was. */
  readonly unplaced: (name: Bytes) => Place | undefined;
  /** Where the sources go, in their order. */
  readonly roots: readonly { readonly to: Bytes; readonly isFile: boolean }[];
}

/**
 * Files go to their recorded path below the target. Stripped of what leads to their source they go to the target itself
 * where there is one source and it is a directory, else to one name for each source.
 */
export function layout(
  root: string,
  sources: readonly ArchivedSource[],
  { strip, entries }: { readonly strip: boolean; readonly entries: Iterable<Pick<Stored, "type" | "name">> },
): Layout {
  const payload = payloadRoot(root);
  const archived = sources.map(({ path }) => `${payload}${path === "/" ? "" : path}` as Bytes);
  const wanted = new Set(archived);
  const files = new Set<Bytes>();
  for (const { type, name } of entries) if (type === "file" && wanted.has(name)) files.add(name);
  const isFile = (name: Bytes): boolean => files.has(name);
  const alone = archived.length === 1 && archived[0] !== undefined && !isFile(archived[0]);
  const stripped = alone ? ["." as Bytes] : uniqueNames(sources.map(({ path }) => nameOf(path) || ("root" as Bytes)));
  const roots = strip ? stripped : sources.map(({ path }) => path.slice(1) as Bytes);
  const longestFirst = archived.map((_, index) => index).sort((a, b) => lengthOf(archived[b]) - lengthOf(archived[a]));

  return {
    roots: archived.map((name, index) => ({ to: roots[index] || ("." as Bytes), isFile: isFile(name) })),
    placeOf(name) {
      if (!name.startsWith(`${payload}/`)) return undefined;
      const whole = name.slice(payload.length + 1) as Bytes;
      for (const source of longestFirst) {
        const path = relative(archived[source], name);
        if (path !== undefined) return { source, path, to: strip ? joined(stripped[source], path) : whole };
      }
      return strip ? undefined : { source: undefined, path: whole, to: whole };
    },
    unplaced(name) {
      if (archived.some((source) => relative(name, source) !== undefined)) return undefined;
      const path = name.slice(payload.length + 1) as Bytes;
      return { source: undefined, path, to: path };
    },
  };
}

function lengthOf(name: Bytes | undefined): number {
  return name?.length ?? 0;
}

function relative(ancestor: Bytes | undefined, name: Bytes): Bytes | undefined {
  if (ancestor === undefined || !name.startsWith(ancestor)) return undefined;
  if (name.length === ancestor.length) return "." as Bytes;
  return name[ancestor.length] === "/" ? (name.slice(ancestor.length + 1) as Bytes) : undefined;
}

function joined(root: Bytes | undefined, path: Bytes): Bytes {
  if (root === undefined || root === ".") return path;
  return under(root, path);
}

/** A name that was given before gets a number, in the order of the sources; so do names that differ only in case. */
function uniqueNames(names: readonly Bytes[]): Bytes[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let number = 2; taken.has(unique.toLowerCase()); number++) unique = `${name}-${number}` as Bytes;
    taken.add(unique.toLowerCase());
    return unique;
  });
}
