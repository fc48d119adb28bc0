import { pathOf, type CatalogEntry, type CatalogLine, type SkipLine } from "../archive/index.js";
import type { Bytes } from "../bytes.js";
import type { Place } from "./journal.js";
import { isWithin, relativeTo } from "./mounts.js";

/** A line for something that is in the archive. */
export type StoredEntry = Exclude<CatalogEntry, SkipLine>;
export type FileEntry = Extract<StoredEntry, { readonly type: "file" }>;

/** The path below a place that a line is about; undefined where it is not put back there. */
export function pathInPlace({ source, within, pinned, omitted }: Place, line: CatalogLine): Bytes | undefined {
  if (line.type === "snapshot" || line.type === "end" || line.type === "skip" || line.source !== source)
    return undefined;
  return belowPlace({ within, pinned, omitted }, pathOf(line));
}

/** The same for a path of the source. */
export function belowPlace(
  { within, pinned, omitted }: Pick<Place, "within" | "pinned" | "omitted">,
  path: Bytes,
): Bytes | undefined {
  if (omitted.some((each) => isWithin(path, each))) return undefined;
  if (within !== "." && !isWithin(path, within)) return undefined;
  const below = within === "." ? path : relativeTo(within, path);
  return pinned.some((point) => isWithin(below, point)) ? undefined : below;
}

export function isStored(line: CatalogLine): line is StoredEntry {
  return line.type !== "snapshot" && line.type !== "end" && line.type !== "skip";
}
