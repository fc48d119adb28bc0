import { textOf, under, type Bytes } from "../bytes.js";
import {
  archivePath,
  pathOf,
  targetOf,
  type CatalogEntry,
  type SkipLine,
  type SnapshotLine,
} from "../archive/index.js";
import type { Catalogued } from "./catalogued.js";

export type StoredEntry = Exclude<CatalogEntry, SkipLine>;

/** What an index says of one path; a path may be stored and, having vanished at first, skipped as well. */
export interface Keyed {
  /** The absolute path that it had: entries come in bytewise order of it. */
  readonly key: Bytes;
  readonly stored: StoredEntry | undefined;
  readonly skip: SkipLine | undefined;
}

/** The bytes of a file, and under which name they are in the archive. */
export interface Content {
  readonly size: number;
  readonly sha256: string;
  readonly name: Bytes;
  /** Whether SQLite made them: they are not those of the live file. */
  readonly isDatabase: boolean;
}

/** An archive that can be compared path by path. */
export interface Comparable {
  readonly snapshot: SnapshotLine;
  readonly sources: readonly Bytes[];
  readonly entries: () => AsyncGenerator<Keyed>;
  /** Of a file, or of the file that a hard link repeats; undefined for what has none. */
  readonly contentOf: (entry: StoredEntry) => Content | undefined;
}

export async function comparable(catalogued: Catalogued): Promise<Comparable> {
  const snapshot = await snapshotOf(catalogued);
  const sources = snapshot.sources.map(pathOf);
  const keyOf = (source: number, path: Bytes): Bytes =>
    under(sources[source] ?? ("/" as Bytes), path).replace(/\/$/, "") as Bytes;
  const targetKey = (link: StoredEntry & { readonly type: "hardlink" }): Bytes =>
    keyOf(link.targetSource ?? link.source, targetOf(link));
  const contentOfFile = (entry: StoredEntry & { readonly type: "file" }): Content => ({
    size: entry.size,
    sha256: entry.sha256,
    name: archivePath(snapshot.root, sources[entry.source] ?? ("/" as Bytes), pathOf(entry)),
    isDatabase: entry.capture?.method === "database",
  });

  async function* entries(): AsyncGenerator<Keyed> {
    let last: Keyed | undefined;
    for await (const line of catalogued.lines()) {
      if (line.type === "snapshot" || line.type === "end") continue;
      const key = keyOf(line.source, pathOf(line));
      const again = last?.key === key ? last : undefined;
      if (last && !again) yield last;
      last =
        line.type === "skip" ? { key, stored: again?.stored, skip: line } : { key, stored: line, skip: again?.skip };
    }
    if (last) yield last;
  }

  /** Only what hard links repeat is remembered. */
  const repeated = new Map<Bytes, Content | undefined>();
  if (catalogued.summary.counts.hardlinks > 0) {
    for await (const { stored } of entries()) {
      if (stored?.type === "hardlink") repeated.set(targetKey(stored), undefined);
    }
    for await (const { key, stored } of entries()) {
      if (stored?.type === "file" && repeated.has(key)) repeated.set(key, contentOfFile(stored));
    }
  }
  const contentOf = (entry: StoredEntry): Content | undefined => {
    if (entry.type === "file") return contentOfFile(entry);
    return entry.type === "hardlink" ? repeated.get(targetKey(entry)) : undefined;
  };
  return { snapshot, sources, entries, contentOf };
}

async function snapshotOf({ lines }: Catalogued): Promise<SnapshotLine> {
  for await (const line of lines()) if (line.type === "snapshot") return line;
  throw new Error("an index without its first line was taken for intact");
}

/** How a path is told: below the source if that is the only one, else absolute. */
export function naming(sources: readonly Bytes[]): (key: Bytes) => string {
  const named = sources.filter((path) => path !== "/");
  const [only] = named;
  if (only === undefined || named.length > 1) return (key) => textOf(key) || "/";
  return (key) => {
    if (key === only) return ".";
    return textOf((key.startsWith(`${only}/`) ? key.slice(only.length + 1) : key) as Bytes);
  };
}
