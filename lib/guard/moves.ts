import { below, under, type Bytes } from "../bytes.js";
import type { Move, Place } from "./journal.js";
import { AREA_PREFIX } from "../stage/selection.js";
import { isWithin, relativeTo } from "./mounts.js";

/** Names in a directory; none where there is no such directory. */
export type Names = (directory: Bytes) => readonly Bytes[];

/** What in a directory stays there while its contents are exchanged: holdstill's own, and what fsck keeps for itself. */
function stays(name: Bytes): boolean {
  return name.startsWith(AREA_PREFIX) || name === "lost+found";
}

/** The renames by which a place and what was restored for it change places. */
export function exchangeOf(place: Place, names: Names): Move[] {
  const { live, fresh, failed, how } = place;
  if (how === "rename") {
    return [
      { kind: "aside", from: live, to: failed },
      { kind: "in", from: fresh, to: live, aside: failed },
    ];
  }
  const moves = contentsOf(place, names, "." as Bytes);
  return [...moves.filter(({ kind }) => kind === "aside"), ...moves.filter(({ kind }) => kind === "in")];
}

/** Name by name, and where a mount point lies below a name, what is in that. */
function contentsOf(place: Place, names: Names, directory: Bytes): Move[] {
  const { live, fresh, failed, pinned } = place;
  const children = (root: Bytes): Bytes[] =>
    names(under(root, directory))
      .filter((name) => !stays(name))
      .map((name) => below(directory, name));
  const isFree = (path: Bytes): boolean => !pinned.some((point) => isWithin(point, path));
  const [old, restored] = [children(live), children(fresh)];
  const around = new Set([...old, ...restored].filter((path) => !isFree(path) && !pinned.includes(path)));
  return [
    ...old.filter(isFree).map((path) => ({ kind: "aside", from: under(live, path), to: under(failed, path) }) as const),
    ...restored.filter(isFree).map((path) => {
      const aside = under(failed, path);
      return { kind: "in", from: under(fresh, path), to: under(live, path), aside } as const;
    }),
    ...[...around].flatMap((path) => contentsOf(place, names, path)),
  ];
}

/** What the archive does not hold: it is taken over from what was live. Paths are those of the source. */
export function carriedOf(place: Place, paths: readonly Bytes[]): Move[] {
  const { within, live, failed, pinned } = place;
  const inPlace = within === "." ? paths : paths.filter((path) => isWithin(path, within));
  return inPlace
    .map((path) => relativeTo(within, within === "." ? (`./${path}` as Bytes) : path))
    .filter((path) => path !== "." && !pinned.some((point) => isWithin(path, point)))
    .map((path) => ({ kind: "carry", from: under(failed, path), to: under(live, path) }) as const);
}
