import { textOf, type Bytes } from "../bytes.js";
import {
  archivePath,
  pathOf,
  targetOf,
  type CatalogEntry,
  type CatalogFile,
  type CatalogLine,
  type SnapshotLine,
} from "../archive/index.js";
import { HoldstillError } from "../errors.js";
import type { ArchiveFile } from "../read-archive.js";
import { reasonText } from "../report/show-text.js";
import { isAt, placesOf, wantedPath, type Places } from "./paths.js";
import { noEntry } from "./show.js";

/** Gives all lines of an index, in their order. */
export type EachLine = (onLine: (line: CatalogLine) => void) => Promise<void>;

/** A file in an archive. */
export interface FoundFile {
  readonly line: CatalogFile;
  /** As it is called in the archive. */
  readonly name: Bytes;
}

/** So many hard links to hard links are followed; ours lead to a file at once. */
const HOPS = 8;

/**
 * The file that a path means; a hard link is followed to the file that it repeats.
 * @throws HoldstillError `no-entry` where there is nothing, `usage` where there is no file, or more than one
 */
export async function findFile(path: string, archive: ArchiveFile, each: EachLine): Promise<FoundFile> {
  let test = (line: CatalogEntry, places: Places): boolean =>
    isAt(wantedPath(path, places.snapshot.root), line, places);
  for (let hop = 0; hop < HOPS; hop++) {
    const { places, lines } = await matching(each, test);
    const line = onlyOf(lines, places, path, archive);
    if (line.type === "file") return { line, name: nameOf(line, places.snapshot) };
    const [source, target] = [line.targetSource ?? line.source, targetOf(line)];
    test = (other) => other.type !== "skip" && other.source === source && pathOf(other) === target;
  }
  throw new HoldstillError("bad-archive", `the hard link ${path} leads to no file`, { path: archive.shown });
}

async function matching(
  each: EachLine,
  test: (line: CatalogEntry, places: Places) => boolean,
): Promise<{ readonly places: Places; readonly lines: readonly CatalogEntry[] }> {
  let places: Places | undefined;
  const lines: CatalogEntry[] = [];
  await each((line) => {
    if (line.type === "snapshot") places = placesOf(line, true);
    else if (line.type !== "end" && places && test(line, places)) lines.push(line);
  });
  if (!places) throw new HoldstillError("bad-archive", "the index has no first line");
  return { places, lines };
}

type Linked = CatalogFile | Extract<CatalogEntry, { readonly type: "hardlink" }>;

function onlyOf(lines: readonly CatalogEntry[], places: Places, path: string, archive: ArchiveFile): Linked {
  const stored = lines.filter((line) => line.type !== "skip");
  const [line, ...others] = stored;
  if (line === undefined) throw leftOut(lines, path, archive);
  if (others.length > 0) {
    const all = stored.map((one) => textOf(places.live(one)));
    throw usage(`${path} means more than one file`, `Name one of them: ${all.join(", ")}`);
  }
  if (line.type === "directory") throw usage(`${path} is a directory`, "What is in it: holdstill show ARCHIVE PATH");
  if (line.type === "symlink") {
    throw usage(`${path} is a symbolic link to ${textOf(targetOf(line))}`, "Links are not followed: name the file.");
  }
  return line;
}

function leftOut(lines: readonly CatalogEntry[], path: string, archive: ArchiveFile): HoldstillError {
  const skip = lines.find((line) => line.type === "skip");
  if (!skip) return noEntry(path, archive);
  return new HoldstillError("no-entry", `${path} is not in the archive (${reasonText(skip)})`, { path: archive.shown });
}

function usage(message: string, hint: string): HoldstillError {
  return new HoldstillError("usage", message, { hint });
}

function nameOf(line: CatalogFile, { root, sources }: SnapshotLine): Bytes {
  const source = sources[line.source];
  return archivePath(root, source ? pathOf(source) : ("/" as Bytes), pathOf(line));
}
