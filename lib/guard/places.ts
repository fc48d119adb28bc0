import { bytesOf, nameOf, parentOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { AREA_PREFIX } from "../stage/selection.js";
import type { Place } from "./journal.js";
import { isWithin, relativeTo, type Mount } from "./mounts.js";

/** What goes back of an archive. */
export interface Returning {
  readonly source: number;
  readonly path: Bytes;
  readonly type: "directory" | "file";
  /** Paths in it that stay as they are. */
  readonly omitted: readonly Bytes[];
  /** What the archive has at a path in it. */
  readonly kindAt: (path: Bytes) => "directory" | "file" | undefined;
}

export interface Surface {
  readonly mounts: readonly Mount[];
  /** Whether names can be made and renamed beside a path. */
  readonly isParentWritable: (path: Bytes) => boolean;
}

/**
 * How each source is to be exchanged. What is a mount of its own inside a source is a place of its own, if something in
 * it goes back; one that is mounted read-only has not been changed.
 * @throws HoldstillError `output-unusable` for what could not be put back
 */
export function placesOf(sources: readonly Returning[], surface: Surface, id: string): Place[] {
  const places = sources.flatMap((source) => placesIn(source, surface, id));
  // What lies in another place is exchanged after that.
  return places.sort((a, b) => a.live.length - b.live.length);
}

function placesIn({ source, path, type, omitted, kindAt }: Returning, surface: Surface, id: string): Place[] {
  const inside = surface.mounts.filter(({ point }) => isWithin(point, path)).reverse();
  const points = [...new Set(inside.map(({ point }) => point))];
  const isReadOnly = (at: Bytes): boolean => inside.find(({ point }) => point === at)?.readOnly === true;
  const own = points.flatMap((live) => {
    const kind = live === path || isReadOnly(live) ? undefined : kindAt(relativeTo(path, live));
    return kind === undefined ? [] : [{ live, type: kind }];
  });
  const place = ({ live, type }: Pick<Place, "live" | "type">): Place => {
    const pinned = points.filter((point) => point !== live && isWithin(point, live));
    const canMove = !points.includes(live) && pinned.length === 0 && surface.isParentWritable(live);
    const kept = pinned.map((point) => relativeTo(live, point));
    const within = relativeTo(path, live);
    return {
      source,
      within,
      live,
      type,
      pinned: kept,
      omitted,
      prepared: false,
      ...exchanged(live, type, canMove, id),
    };
  };
  const places = [{ live: path, type }, ...own].map(place);
  for (const { live, type: kind, how } of places) if (kind === "file" && how !== "rename") throw unmovable(live);
  return places;
}

function exchanged(
  live: Bytes,
  type: Place["type"],
  canMove: boolean,
  id: string,
): Pick<Place, "how" | "fresh" | "failed"> {
  if (canMove) {
    const beside = `${live}.restored-${id}` as Bytes;
    const fresh = type === "file" ? under(beside, nameOf(live)) : beside;
    return { how: "rename", fresh, failed: `${live}.failed-${id}` as Bytes };
  }
  const area = under(live, bytesOf(`${AREA_PREFIX}${id}`));
  return { how: "contents", fresh: under(area, bytesOf("restored")), failed: under(area, bytesOf("failed")) };
}

function unmovable(path: Bytes): HoldstillError {
  return new HoldstillError("output-unusable", "this file could not be put back: it cannot be renamed", {
    path: textOf(path),
    hint: "It is mounted, or its directory cannot be written. Mount the directory that it lies in instead.",
  });
}

/** Whether names can be made and renamed beside a path. */
export function isParentWritable(fs: Filesystem, path: Bytes): boolean {
  try {
    fs.assertWritable(parentOf(path) || ("/" as Bytes));
    return true;
  } catch (error) {
    // A directory that is lost altogether is made again.
    if (isErrno(error, "ENOENT")) return true;
    if (isErrno(error, "EACCES", "EPERM", "EROFS")) return false;
    throw error;
  }
}
