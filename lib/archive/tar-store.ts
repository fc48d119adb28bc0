import { createHash, hash } from "node:crypto";
import type { Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import type { FrozenEntry, FrozenFile, Skipped } from "../stage/entry.js";
import { bodyOf } from "./body.js";
import { archivePath } from "./index.js";
import type { OpenBody, Store, StoredFile } from "./pack.js";
import type { TarHeader, TarWriter } from "./write.js";

export interface TarStoreOptions {
  readonly fs: Filesystem;
  /** The directory at the top of the archive. */
  readonly root: string;
  /** The absolute paths of the sources. */
  readonly sources: readonly Bytes[];
}

/**
 * Entries as those of a tar. A file that is written to while it is streamed rejects with ChangedWhileStreaming: then the
 * tar is worth nothing.
 */
export function tarStore(options: TarStoreOptions, tar: TarWriter): Store {
  return {
    file(file, body) {
      const header = { ...headerOf(options, file), mtimeNs: body.proof.mtimeNs };
      if (body.status === "stream") return streamFile(options, tar, file, header, body);
      const stored: StoredFile = { status: "stored", proof: body.proof, sha256: hash("sha256", body.bytes, "hex") };
      const storing = tar.add(header, body.bytes);
      return storing === undefined ? stored : storing.then(() => stored);
    },
    other: (entry) => tar.add(headerOf(options, entry)),
  };
}

async function streamFile(
  { fs }: TarStoreOptions,
  tar: TarWriter,
  file: FrozenFile,
  header: TarHeader,
  { fd, stillTrue, proof }: OpenBody & { status: "stream" },
): Promise<StoredFile> {
  const digest = createHash("sha256");
  try {
    await tar.stream(header, proof.size, bodyOf(fs, file, { fd, size: proof.size, stillTrue }, digest));
  } finally {
    fs.close(fd);
  }
  return { status: "stored", proof, sha256: digest.digest("hex") };
}

function headerOf({ root, sources }: TarStoreOptions, entry: Exclude<FrozenEntry, Skipped>): TarHeader {
  const pathOf = ({ source, path }: FrozenEntry): Bytes => archivePath(root, sources[source] ?? ("/" as Bytes), path);
  const { type, mode, uid, gid, mtimeNs } = entry;
  const header = { type, path: pathOf(entry), mode, uid, gid, mtimeNs };
  if (entry.type === "symlink") return { ...header, linkname: entry.target };
  return entry.type === "hardlink" ? { ...header, linkname: pathOf(entry.target) } : header;
}
