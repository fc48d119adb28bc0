import { parentOf, textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { nearestExisting } from "../nearest-existing.js";
import { sizeText } from "../report/size.js";
import { containerOf } from "./containers.js";
import type { Contents } from "./contents.js";
import type { Place } from "./journal.js";

/** Of a file, the last block; of a directory, its names. */
const OVERHEAD = 4096;

/**
 * Refuses to begin what will not fit beside the places.
 * @throws HoldstillError `no-space`
 */
export function assertRoom(fs: Filesystem, places: readonly Place[], { sources }: Contents): void {
  const needed = new Map<number, { bytes: number; path: Bytes }>();
  for (const place of places) {
    const source = sources[place.source];
    // What is mounted in a source is part of it; counted whole for both it is counted too high.
    if (source === undefined) continue;
    const path = nearestExisting(fs, parentOf(containerOf(place)));
    const { dev } = fs.lstat(path);
    const bytes = source.bytes + (source.files + 2 * source.directories) * OVERHEAD + (needed.get(dev)?.bytes ?? 0);
    needed.set(dev, { bytes, path });
  }
  for (const { bytes, path } of needed.values()) {
    const { available } = fs.space(path);
    if (bytes <= available) continue;
    throw new HoldstillError(
      "no-space",
      `${sizeText(bytes)} are needed to put the state back, and ${sizeText(available)} are free`,
      {
        path: textOf(path),
        hint: "Free some space there.",
      },
    );
  }
}
