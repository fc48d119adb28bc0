import type { CatalogEntry, SnapshotLine } from "../archive/index.js";
import type { Summary } from "../archive/summary.js";
import { HoldstillError } from "../errors.js";
import type { ArchiveFile } from "../read-archive.js";
import { withCatalog, type LookNeeds } from "./catalogued.js";
import { placesOf, selectorOf, type Places, type Selector } from "./paths.js";

/** One line of an archive's index, and where it was. */
export interface ShownEntry {
  readonly line: CatalogEntry;
  /** As commands take it. */
  readonly path: string;
  readonly places: Places;
}

/** Takes what is shown while it is read: an archive may hold more than memory does. */
export interface Audience {
  readonly begin: (archive: string, snapshot: SnapshotLine, summary: Summary) => void;
  /** False where nobody listens any more. */
  readonly entry: (entry: ShownEntry) => boolean;
}

/**
 * Shows what is in an archive, and what is not and why, in the order of the archive.
 * @param path a path or a pattern; all of it where there is none
 * @throws HoldstillError `no-archive`, `bad-archive`, or `no-entry` where the path selects nothing
 */
export function show(archive: string, path: string | undefined, around: LookNeeds, audience: Audience): Promise<void> {
  return withCatalog(archive, around, async (catalogued) => {
    let places: Places | undefined;
    let isWanted: Selector = () => true;
    let found = path === undefined;
    for await (const line of catalogued.lines()) {
      around.signal.throwIfAborted();
      if (line.type === "end") break;
      if (line.type === "snapshot") {
        places = placesOf(line, catalogued.summary.holdstill);
        if (path !== undefined) isWanted = selectorOf(path, places);
        audience.begin(catalogued.archive.shown, line, catalogued.summary);
      } else if (places && isWanted(line)) {
        found = true;
        if (!audience.entry({ line, path: places.shown(line), places })) return;
      }
    }
    if (!found) throw noEntry(path ?? "", catalogued.archive);
  });
}

export function noEntry(path: string, { shown }: ArchiveFile): HoldstillError {
  return new HoldstillError("no-entry", `there is nothing in the archive at ${path}`, {
    path: shown,
    hint: "`holdstill show ARCHIVE` tells what there is. Name a path below the source, or the absolute one it had.",
  });
}
