import type { CatalogLine } from "../archive/index.js";
import { indexReader } from "../archive/index-reader.js";
import type { TarEntry } from "../archive/read.js";
import { HoldstillError } from "../errors.js";
import { intactCatalog } from "../look/catalogued.js";
import { checkFile, findArchive, type ReadNeeds } from "../read-archive.js";

/** Takes the lines of an index, one after the other, and then tells what came of them. */
export interface Gathering<T> {
  readonly line: (line: CatalogLine) => void | Promise<void>;
  readonly result: () => T;
}

/**
 * Reads an archive whole, compares it with its index, and gathers from that.
 * @throws HoldstillError `no-archive`, `bad-archive`
 */
export async function fromArchive<T>(archive: string, around: ReadNeeds, gathering: Gathering<T>): Promise<T> {
  const lines: CatalogLine[] = [];
  const reader = indexReader((line) => lines.push(line));
  const take = async (chunk: Buffer): Promise<void> => {
    reader.push(chunk);
    for (const line of lines.splice(0)) await gathering.line(line);
  };
  let inIndex = false;
  const { result } = await checkFile(findArchive(around.fs, archive), around, {
    observer: {
      entry({ name }: TarEntry) {
        inIndex = /^[^/]+\/holdstill\/index\.jsonl$/.test(name);
      },
      data: (chunk) => (inIndex ? take(chunk) : undefined),
      end: () => undefined,
    },
  });
  if (result.index === undefined) {
    throw new HoldstillError("bad-archive", "only archives that holdstill made can be put back in one step", {
      path: archive,
      hint: "Restore it into a directory of its own: holdstill restore ARCHIVE --target DIR",
    });
  }
  reader.finish();
  return gathering.result();
}

/** The same from the catalog, for an archive that was verified before; from the archive where that is not intact. */
export async function fromIndex<T>(archive: string, around: ReadNeeds, gathering: Gathering<T>): Promise<T> {
  const catalogued = await intactCatalog(findArchive(around.fs, archive), around);
  if (catalogued === undefined) return fromArchive(archive, around, gathering);
  for await (const line of catalogued.lines()) await gathering.line(line);
  return gathering.result();
}
