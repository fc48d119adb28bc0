import { createHash, randomBytes } from "node:crypto";
import { forThisRunOnly, knowing, type Unseal } from "../age/sealed.js";
import type { CatalogLine } from "../archive/index.js";
import { catalogReader } from "../archive/index-reader.js";
import { isEncrypted } from "../archive/peek.js";
import type { Summary } from "../archive/summary.js";
import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno, isNoSpace } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { tellingWhatIsKnown } from "../known-without-key.js";
import { blaming, findArchive, type ArchiveFile, type ReadNeeds } from "../read-archive.js";
import type { Surroundings } from "../surroundings.js";
import { beginIndexCopy, hasCatalog, indexCopyPath, readSummary, saveSummary } from "../vault/catalog.js";
import { createIndexCopy, readIndexCopy, type IndexCopy } from "../vault/index-copy.js";
import { withTemporary } from "../with-temporary.js";
import { readIndex } from "./read-index.js";

export type LookNeeds = ReadNeeds & Pick<Surroundings, "cwd" | "scratch">;

/** An archive with its catalog at hand. */
export interface Catalogued {
  readonly archive: ArchiveFile;
  readonly summary: Summary;
  /** The lines of its index, read anew each time. */
  readonly lines: () => AsyncGenerator<CatalogLine>;
}

/**
 * Gives an archive with its catalog to `use`. One that is missing, damaged or of another file is made anew from the
 * archive, which is read whole, and that is told. Where there is no room for it beside the archive, it is kept in the
 * directory for temporary files meanwhile; that of an encrypted archive is kept there always, encrypted with a key of its
 * own: nobody knows whom else it is for.
 * @throws HoldstillError `no-archive`, `bad-archive`, `wrong-key`
 */
export async function withCatalog<T>(
  path: string,
  around: LookNeeds,
  use: (catalogued: Catalogued) => Promise<T>,
): Promise<T> {
  const archive = findArchive(around.fs, path);
  const known = await intactCatalog(archive, around);
  if (known) return use(known);
  const isKept = hasCatalog(around.fs, archive.path) && !isEncrypted(around.fs, archive.path);
  around.onEvent({ type: "warning", message: isKept ? rebuilding(archive) : readingFirst(archive) });
  if (isKept) {
    const summary = await rebuildBeside(archive, around);
    if (summary) return use(catalogued(archive, summary, indexCopyPath(archive.path), around));
  }
  return withTemporaryCatalog(archive, around, use);
}

/**
 * The catalog of an archive, if it is there, undamaged, and of this very file. That the archive was found to be bad is
 * told.
 */
export async function intactCatalog(archive: ArchiveFile, around: ReadNeeds): Promise<Catalogued | undefined> {
  const { path, shown } = archive;
  const { fs } = around;
  const summary = readSummary(fs, path, fs.lstat(path));
  if (!summary) return undefined;
  const copy = indexCopyPath(path);
  const intact = await tellingWhatIsKnown(fs, path, () => {
    return blaming(shown, () => isIntact(around, copy, summary));
  });
  if (intact && summary.bad !== undefined) {
    around.onEvent({ type: "warning", message: `${shown} is noted as bad: ${summary.bad}` });
  }
  return intact ? catalogued(archive, summary, copy, around) : undefined;
}

export function rebuilding({ shown }: ArchiveFile): string {
  return `the catalog of ${shown} is missing, damaged or of another file: reading the whole archive to make it anew`;
}

/** The same where none is kept. */
export function readingFirst({ shown }: ArchiveFile): string {
  return `the catalog of ${shown} is missing, damaged or of another file: reading the whole archive first`;
}

/** Makes the catalog of an archive anew where it belongs; undefined where it cannot be written there. */
export async function rebuildBeside(archive: ArchiveFile, around: ReadNeeds): Promise<Summary | undefined> {
  const { fs, onEvent } = around;
  // Nobody holds the lock to look into an archive: two may be at it at once.
  const mark = `.${randomBytes(6).toString("hex")}`;
  try {
    const copy = beginIndexCopy(fs, archive.path, mark);
    const summary = await writeIndex(copy, archive, around);
    saveSummary(fs, archive.path, summary, mark);
    return summary;
  } catch (error) {
    if (!isNotWritable(error)) throw error;
    onEvent({ type: "warning", message: `the catalog cannot be saved beside the archive: ${error.message}` });
    return undefined;
  }
}

/** Errors of the disk that the catalog is to be on. The archive's own come as they are too: they come again. */
function isNotWritable(error: unknown): error is Error {
  return isNoSpace(error) || isErrno(error, "EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR", "EEXIST", "EISDIR", "EIO");
}

async function writeIndex(copy: IndexCopy, archive: ArchiveFile, around: ReadNeeds): Promise<Summary> {
  try {
    const summary = await readIndex(archive, around, copy.write);
    return summary(await copy.commit());
  } catch (error) {
    await copy.discard();
    throw error;
  }
}

function withTemporaryCatalog<T>(
  archive: ArchiveFile,
  around: LookNeeds,
  use: (catalogued: Catalogued) => Promise<T>,
): Promise<T> {
  const { fs } = around;
  return withTemporary("look", around, async (directory) => {
    const path = `${directory}/index.jsonl.gz` as Bytes;
    const sealed = isEncrypted(fs, archive.path) ? forThisRunOnly() : undefined;
    const copy = createIndexCopy(fs, `${directory}/partial` as Bytes, path, sealed);
    const summary = await writeIndex(copy, archive, around);
    return use(catalogued(archive, summary, path, { fs, unseal: sealed && knowing(sealed) }));
  });
}

/** Where a copy of an index lies, and what opens it. */
type CopyNeeds = Pick<ReadNeeds, "fs" | "unseal">;

function catalogued(archive: ArchiveFile, summary: Summary, copy: Bytes, { fs, unseal }: CopyNeeds): Catalogued {
  return { archive, summary, lines: () => linesOf(fs, copy, unseal) };
}

/** Before a line of it is used: nothing of a damaged catalog is to be told. */
async function isIntact({ fs, unseal }: CopyNeeds, copy: Bytes, { indexSha256 }: Summary): Promise<boolean> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of readIndexCopy(fs, copy, unseal)) hash.update(chunk);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM", "EISDIR", "EIO", "ELOOP") || isZlib(error)) return false;
    if (error instanceof HoldstillError && error.code === "bad-archive") return false;
    throw error;
  }
  return hash.digest("hex") === indexSha256;
}

function isZlib(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
}

async function* linesOf(fs: Filesystem, copy: Bytes, unseal: Unseal | undefined): AsyncGenerator<CatalogLine> {
  let lines: CatalogLine[] = [];
  const reader = catalogReader((line) => void lines.push(line));
  try {
    for await (const chunk of readIndexCopy(fs, copy, unseal)) {
      reader.push(chunk);
      yield* lines;
      lines = [];
    }
    reader.finish();
  } catch (error) {
    if (!isZlib(error)) throw error;
    throw new HoldstillError("io", "the catalog changed while it was read", { path: textOf(copy), cause: error });
  }
}
