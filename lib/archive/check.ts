import type { Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { Counts } from "../report/counts.js";
import type { SkipReason, Verdict } from "../stage/entry.js";
import { checkForeign } from "./check-foreign.js";
import { checkOwn } from "./check-own.js";
import type { SnapshotLine } from "./index.js";
import { checkedSize, isManifest, parseManifest, rootOf, type Manifest } from "./parse-manifest.js";
import { readTar, type TarEntry, type TarVisitor } from "./read.js";

/** What an archive holds, all of it read; sizes in bytes. */
export interface Checked {
  readonly counts: Counts;
  /** What could not be checked: sentences. */
  readonly unchecked: readonly string[];
  /** The one directory at the top. */
  readonly root: string;
  /** What was backed up, by absolute paths. */
  readonly sources: readonly ArchivedSource[];
  /** What its index says: for archives made by holdstill. */
  readonly index?: {
    readonly snapshot: SnapshotLine;
    /** Of all lines but the last. */
    readonly sha256: string;
    readonly verdicts: Readonly<Record<Verdict, number>>;
    readonly skipped: Readonly<Record<SkipReason, number>>;
    /** The names, in the archive, of databases that were found sound when they were captured. */
    readonly sound: readonly Bytes[];
    /** How many databases were found damaged. */
    readonly damaged: number;
  };
  readonly manifest: Manifest;
}

/** Is shown the entries of an archive, and before that whose it is. */
export interface Observer extends Required<TarVisitor> {
  readonly begin?: (isOwn: boolean) => void;
}

export interface ArchivedSource {
  readonly path: Bytes;
  /** Of OpenClaw's kinds: `state`, `config`, `credentials`, `workspace`, `agent`. */
  readonly kind: string;
}

/** Checks the entries as they come. */
export interface Inspector {
  readonly entry: (entry: TarEntry) => void;
  readonly data: (chunk: Buffer) => void;
  readonly end: () => void;
  readonly finish: () => Checked;
}

/**
 * Reads an archive to its last byte, decompressed. If holdstill made it, everything in it is compared with its index,
 * both ways; of others the structure is checked.
 * @param onFile called after each file
 * @param observer shown all but a manifest at the beginning
 * @throws HoldstillError `bad-archive` that names the first difference
 */
export async function checkArchive(
  chunks: AsyncIterable<Buffer>,
  onFile: () => void = () => {},
  observer?: Observer,
): Promise<Checked> {
  /** Before it is known whose archive this is. */
  let irregular: HoldstillError | undefined;
  let inspector: Inspector | undefined;
  let manifestEntry: TarEntry | undefined;
  let current: TarEntry | undefined;
  let parts: Buffer[] = [];
  let isOwn: boolean | undefined;

  const foreign = (made: Inspector): Inspector => {
    isOwn = false;
    observer?.begin?.(isOwn);
    return made;
  };

  const visitor: TarVisitor = {
    entry(entry) {
      current = entry;
      if (!inspector && isManifest(entry)) {
        manifestEntry = checkedSize(entry);
        return;
      }
      // `openclaw backup create` writes its manifest last.
      inspector ??= foreign(checkForeign(rootOf(entry)));
      inspector.entry(entry);
      return observer?.entry(entry);
    },
    data(chunk) {
      if (!inspector) {
        parts.push(Buffer.from(chunk));
        return;
      }
      inspector.data(chunk);
      return observer?.data(chunk);
    },
    end() {
      if (inspector) {
        inspector.end();
        if (current?.type === "file") onFile();
        return observer?.end();
      }
      if (manifestEntry === undefined) return;
      const manifest = parseManifest(manifestEntry, Buffer.concat(parts));
      parts = [];
      isOwn = "holdstill" in manifest.value;
      if (isOwn && irregular) throw irregular;
      observer?.begin?.(isOwn);
      inspector = isOwn ? checkOwn(manifest) : checkForeign(manifest.root, manifest);
    },
  };
  await readTar(chunks, visitor, (problem) => {
    if (isOwn === true) throw problem;
    irregular ??= problem;
  });
  if (inspector === undefined) throw new HoldstillError("bad-archive", "the archive is empty");
  return inspector.finish();
}
