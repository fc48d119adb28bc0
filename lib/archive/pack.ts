import { createHash, hash } from "node:crypto";
import type { Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import type { FrozenEntry, FrozenFile, FrozenHardlink, Skipped } from "../stage/entry.js";
import type { Body } from "../stage/guard.js";
import { bodyOf } from "./body.js";
import { archivePath, printLine } from "./index.js";
import { fileLine, lineOf } from "./lines.js";
import type { Tally } from "./tally.js";
import type { TarHeader, TarWriter } from "./write.js";

export interface PackOptions {
  readonly fs: Filesystem;
  /** The directory at the top of the archive. */
  readonly root: string;
  /** The absolute paths of the sources. */
  readonly sources: readonly Bytes[];
  /** In bytewise order of their absolute paths. */
  readonly entries: readonly FrozenEntry[];
  /** Opens a frozen file: see `guard`. */
  readonly open: (file: FrozenFile) => Promise<Body>;
  readonly onProgress: (files: number, bytes: number) => void;
}

/** Where it all goes: the tar, a line of the index for each entry, and the sums of the report. */
export interface Packing {
  readonly tar: TarWriter;
  readonly index: (line: string) => void;
  readonly tally: Tally;
}

/**
 * Appends all entries to the tar.
 * @throws ChangedWhileStreaming where a large file was written to meanwhile: then the tar is worth nothing
 */
export async function pack(options: PackOptions, { tar, index, tally }: Packing): Promise<void> {
  const unreadable = new Set<FrozenFile>();
  let files = 0;
  let bytes = 0;

  const leaveOut = ({ source, path }: FrozenFile | FrozenHardlink, detail: string): void => {
    const skipped: Skipped = { type: "skip", source, path, reason: "unreadable", detail };
    tally.skip(skipped);
    index(printLine(lineOf(skipped)));
  };

  const packFile = async (file: FrozenFile): Promise<void> => {
    const body = await options.open(file);
    if (body.status === "unreadable") {
      unreadable.add(file);
      leaveOut(file, body.detail);
      return;
    }
    const sha256 = await appendFile(options, tar, file, body);
    tally.file(file, body.proof);
    index(printLine(fileLine(file, body.proof, sha256)));
    options.onProgress(++files, (bytes += body.proof.size));
  };

  for (const entry of options.entries) {
    if (entry.type === "file") {
      await packFile(entry);
    } else if (entry.type === "skip") {
      tally.skip(entry);
      index(printLine(lineOf(entry)));
    } else if (entry.type === "hardlink" && unreadable.has(entry.target)) {
      leaveOut(entry, "it could not be read by its other name");
    } else {
      await tar.add(headerOf(options, entry));
      tally.other(entry.type);
      index(printLine(lineOf(entry)));
    }
  }
}

/** Appends a file, and returns its sha256. */
async function appendFile(
  options: PackOptions,
  tar: TarWriter,
  file: FrozenFile,
  body: Exclude<Body, { status: "unreadable" }>,
): Promise<string> {
  const header = { ...headerOf(options, file), mtimeNs: body.proof.mtimeNs };
  if (body.status === "bytes") {
    await tar.add(header, body.bytes);
    return hash("sha256", body.bytes, "hex");
  }
  const { fd, stillTrue, proof } = body;
  const digest = createHash("sha256");
  try {
    await tar.stream(header, proof.size, bodyOf(options.fs, file, { fd, size: proof.size, stillTrue }, digest));
  } finally {
    options.fs.close(fd);
  }
  return digest.digest("hex");
}

function headerOf({ root, sources }: PackOptions, entry: Exclude<FrozenEntry, Skipped>): TarHeader {
  const pathOf = ({ source, path }: FrozenEntry): Bytes => archivePath(root, sources[source] ?? ("/" as Bytes), path);
  const { type, mode, uid, gid, mtimeNs } = entry;
  const header = { type, path: pathOf(entry), mode, uid, gid, mtimeNs };
  if (entry.type === "symlink") return { ...header, linkname: entry.target };
  return entry.type === "hardlink" ? { ...header, linkname: pathOf(entry.target) } : header;
}
