import type { ArchivedSource } from "../archive/check.js";
import { archivePath, pathOf, targetOf, type Line, type SnapshotLine, type StoredLine } from "../archive/index.js";
import { indexReader } from "../archive/index-reader.js";
import type { TarEntry } from "../archive/read.js";
import type { Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { ReadNeeds } from "../read-archive.js";
import { indexCopyPath } from "../vault/catalog.js";
import { readIndexCopy } from "../vault/index-copy.js";
import { inventory, type Inventory } from "./inventory.js";

/** What the copy of an archive's index says of it: to be believed when the archive has said the same. */
export interface Announced {
  readonly snapshot: SnapshotLine;
  readonly sources: readonly ArchivedSource[];
  readonly inventory: Inventory;
  readonly indexSha256: string;
}

/**
 * Reads the copy of the index that lies beside an archive made by holdstill; undefined where there is none that could
 * be of use. With it, one reading of the archive is enough.
 * @throws HoldstillError `wrong-key` where it is encrypted, and the archive with it
 */
export async function announced(
  archive: Bytes,
  around: Pick<ReadNeeds, "fs" | "signal" | "unseal">,
): Promise<Announced | undefined> {
  const { signal } = around;
  try {
    return await readCopy(indexCopyPath(archive), around);
  } catch (error) {
    signal.throwIfAborted();
    const isOfNoUse =
      (error instanceof HoldstillError && error.code === "bad-archive") ||
      isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "EISDIR", "EIO") ||
      isErrno(error, "Z_DATA_ERROR", "Z_BUF_ERROR", "ERR_TRAILING_JUNK_AFTER_STREAM_END");
    if (isOfNoUse) return undefined;
    throw error;
  }
}

function readCopy(path: Bytes, { fs, signal, unseal }: Pick<ReadNeeds, "fs" | "signal" | "unseal">) {
  return announcedBy(readIndexCopy(fs, path, unseal), signal);
}

/**
 * What an index says of an archive; undefined for one by others, who know nothing of it.
 * @param onLine called for each entry, which has its name in the archive
 */
export async function announcedBy(
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal,
  onLine: (line: StoredLine, entry: TarEntry) => void = () => {},
): Promise<Announced | undefined> {
  const held = inventory();
  let snapshot: SnapshotLine | undefined;
  let sources: readonly Bytes[] = [];
  const reader = indexReader((line: Line) => {
    if (line.type === "snapshot") {
      snapshot = line;
      sources = line.sources.map(pathOf);
    } else if (line.type !== "end" && line.type !== "skip" && snapshot !== undefined) {
      const entry = entryOf(line, snapshot.root, sources);
      void held.entry(entry);
      onLine(line, entry);
    }
  });
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    reader.push(chunk);
  }
  const indexSha256 = reader.finish();
  // Of archives by others copies are kept that those know nothing of.
  if (!snapshot?.tool.startsWith("holdstill ")) return undefined;
  const kinds = snapshot.sources;
  return {
    ...{ snapshot, inventory: held.taken(), indexSha256 },
    sources: sources.map((path, index) => ({ path, kind: kinds[index]?.kind ?? "workspace" })),
  };
}

function entryOf(line: StoredLine, root: string, sources: readonly Bytes[]): TarEntry {
  const named = (source: number, path: Bytes): Bytes => {
    const from = sources[source];
    if (from === undefined) throw new HoldstillError("bad-archive", `the index has no source ${source}`);
    return archivePath(root, from, path);
  };
  const { type, source, mode, uid, gid, mtimeNs } = line;
  const name = named(source, pathOf(line));
  const linkname = linknameOf(line, named);
  const size = type === "file" ? line.size : 0;
  return { type, name, linkname, size, mode, uid, gid, mtimeNs: BigInt(mtimeNs), typeflag: "0" };
}

function linknameOf(line: StoredLine, named: (source: number, path: Bytes) => Bytes): Bytes {
  if (line.type === "symlink") return targetOf(line);
  return line.type === "hardlink" ? named(line.targetSource ?? line.source, targetOf(line)) : ("" as Bytes);
}
