import type { CatalogEntry, SkipLine, SnapshotLine } from "../archive/index.js";
import { pathOf } from "../archive/index.js";
import { under, type Bytes } from "../bytes.js";
import type { Gathering } from "./index-lines.js";

/** What must be known of an archive to put back what it holds. */
export interface Contents {
  readonly snapshot: SnapshotLine;
  readonly sources: readonly SourceContents[];
}

export interface SourceContents {
  /** Where it goes back to. */
  readonly path: Bytes;
  /** Where it was. */
  readonly recorded: Bytes;
  readonly kind: string;
  readonly type: "directory" | "file";
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  /** What is not in the archive and was there. */
  readonly left: readonly Bytes[];
  /** What it holds at one of the paths that were asked about. */
  readonly kindAt: (path: Bytes) => "directory" | "file" | undefined;
}

/** Rules that leave out what means nothing without what it lies beside. */
const TRANSIENT = new Set([
  "sqlite:sidecar",
  "holdstill:stage",
  "holdstill:guard",
  "openclaw:pid",
  "openclaw:session-locks",
  "openclaw:database-locks",
]);

interface Gathered {
  readonly path: Bytes;
  readonly recorded: Bytes;
  readonly kind: string;
  type: "directory" | "file";
  files: number;
  directories: number;
  bytes: number;
  readonly left: Bytes[];
  readonly kinds: Map<Bytes, "directory" | "file">;
}

/**
 * Gathers it from the lines of an index.
 * @param asked absolute paths, by where things go back to
 * @param whereTo a source goes back, by where it was
 */
export function contentsOf(
  asked: ReadonlySet<Bytes>,
  whereTo: (recorded: Bytes) => Bytes = (recorded) => recorded,
): Gathering<Contents> {
  let snapshot: SnapshotLine | undefined;
  let sources: Gathered[] = [];

  const entry = (source: Gathered, line: CatalogEntry): void => {
    const path = pathOf(line);
    if (line.type === "skip") {
      if (isLeft(line)) source.left.push(path);
      return;
    }
    const kind = line.type === "directory" ? "directory" : "file";
    if (path === ".") source.type = kind;
    if (kind === "directory") source.directories++;
    else source.files++;
    if (line.type === "file") source.bytes += line.size;
    if (asked.has(under(source.path, path))) source.kinds.set(path, kind);
  };

  return {
    line(line) {
      if (line.type === "snapshot") {
        snapshot = line;
        sources = line.sources.map((source) => ({
          ...{
            path: whereTo(pathOf(source)),
            recorded: pathOf(source),
            kind: source.kind ?? "workspace",
            type: "directory" as const,
          },
          ...{ files: 0, directories: 0, bytes: 0, left: [], kinds: new Map() },
        }));
      } else if (line.type !== "end") {
        const source = sources[line.source];
        if (source) entry(source, line);
      }
    },
    result() {
      if (snapshot === undefined) throw new Error("the index has no first line");
      return {
        snapshot,
        sources: sources.map(({ kinds, ...source }) => ({ ...source, kindAt: (path) => kinds.get(path) })),
      };
    },
  };
}

/** What vanished was not there. */
function isLeft({ reason, rule, detail }: SkipLine): boolean {
  return reason !== "vanished" && !TRANSIENT.has(rule ?? detail ?? "");
}
