import { posix } from "node:path";
import { bytesOf, textOf, under, type Bytes } from "../bytes.js";
import { pathOf, payloadRoot, pathText, type CatalogEntry, type SnapshotLine } from "../archive/index.js";
import { excluder } from "../profile/exclude.js";

/** Where the entries of an archive come from. */
export interface Places {
  readonly snapshot: SnapshotLine;
  /** Where an entry lay when it was backed up: an absolute path. */
  readonly live: (line: CatalogEntry) => Bytes;
  /** Its path as `show` prints it and commands take it: below the source where there is but one, else absolute. */
  readonly shown: (line: CatalogEntry) => string;
}

/** @param holdstill whether the last source is no catch-all for what lies outside the assets of OpenClaw's archive */
export function placesOf(snapshot: SnapshotLine, holdstill: boolean): Places {
  const sources = snapshot.sources.map(pathOf);
  const live = (line: CatalogEntry): Bytes => under(sources[line.source] ?? ("/" as Bytes), pathOf(line));
  const only = sources.length === (holdstill ? 1 : 2);
  return { snapshot, live, shown: (line) => (only && line.source === 0 ? pathText(line) : textOf(live(line))) };
}

/**
 * A path that somebody names: below whichever source, or absolute. As text, so that a name that is not UTF-8 can be
 * named as it is shown.
 */
export type Wanted = { readonly absolute: string } | { readonly relative: string };

/** What a person means who names a path: the one it had, one below a source, or the one it has in the archive. */
export function wantedPath(name: string, root: string): Wanted {
  const given = textOf(bytesOf(name));
  const payload = textOf(payloadRoot(root));
  const inArchive = given === payload ? "/" : given.startsWith(`${payload}/`) ? given.slice(payload.length) : given;
  const path = posix.normalize(inArchive).replace(/(?<=.)\/+$/, "");
  return path.startsWith("/") ? { absolute: path } : { relative: path };
}

/** Whether an entry is the one that is meant. */
export function isAt(wanted: Wanted, line: CatalogEntry, { live }: Places): boolean {
  return "absolute" in wanted ? textOf(live(line)) === wanted.absolute : pathText(line) === wanted.relative;
}

/** Whether an entry is the one that is meant, or lies below it. */
function isAtOrBelow(wanted: Wanted, line: CatalogEntry, { live }: Places): boolean {
  const [path, top] = "absolute" in wanted ? [textOf(live(line)), wanted.absolute] : [pathText(line), wanted.relative];
  return top === "." || path === top || path.startsWith(top === "/" ? "/" : `${top}/`);
}

export type Selector = (line: CatalogEntry) => boolean;

/** What a path or a pattern selects: the pattern's syntax is that of a .gitignore, its root is the source or `/`. */
export function selectorOf(given: string, places: Places): Selector {
  const wanted = wantedPath(given, places.snapshot.root);
  const isLiteral = (line: CatalogEntry): boolean => isAtOrBelow(wanted, line, places);
  if (!/[*?[]/.test(given)) return isLiteral;
  const pattern = ("absolute" in wanted ? wanted.absolute : wanted.relative).replace(/^[!#]/, "\\$&");
  const { rule } = excluder([], [{ name: given, pattern: given.endsWith("/") ? `${pattern}/` : pattern }]);
  return (line) => {
    const path = "absolute" in wanted ? (places.live(line).slice(1) as Bytes) : pathOf(line);
    return isLiteral(line) || rule(path, line.type === "directory" ? "directory" : "file") !== undefined;
  };
}
