import { catalogReader } from "../archive/index-reader.js";
import { findArchive, type ArchiveFile } from "../read-archive.js";
import { intactCatalog, readingFirst, type LookNeeds } from "./catalogued.js";
import { findFile, type EachLine, type FoundFile } from "./find-entry.js";
import { readFileOf, type TakeBytes } from "./read-file.js";
import { readIndex } from "./read-index.js";

/** Takes one file: first what it is, then its bytes. */
export interface Reader {
  readonly begin: (archive: string, file: FoundFile) => void;
  readonly take: TakeBytes;
}

/**
 * Hands over the bytes of one file of an archive. Nothing is written to disk: without a catalog, the archive is read
 * whole for its index first, and that is told.
 * @throws HoldstillError `no-archive`, `bad-archive`, `no-entry`, or `usage` for what is no file
 */
export async function cat(archivePath: string, path: string, around: LookNeeds, reader: Reader): Promise<void> {
  const archive = findArchive(around.fs, archivePath);
  const file = await findFile(path, archive, await indexOf(archive, around));
  reader.begin(archive.shown, file);
  await readFileOf(archive, file, around, reader.take);
}

async function indexOf(archive: ArchiveFile, around: LookNeeds): Promise<EachLine> {
  const catalogued = await intactCatalog(archive, around);
  if (catalogued) {
    return async (onLine) => {
      for await (const line of catalogued.lines()) onLine(line);
    };
  }
  around.onEvent({ type: "warning", message: readingFirst(archive) });
  return async (onLine) => {
    const lines = catalogReader(onLine);
    await readIndex(archive, around, lines.push);
    lines.finish();
  };
}
