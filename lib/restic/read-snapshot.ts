import type { ArchivedSource } from "../archive/check.js";
import { pathOf, type SnapshotLine, type StoredLine } from "../archive/index.js";
import { readTar, leniently, type TarVisitor } from "../archive/read.js";
import { bytesOf, type Bytes } from "../bytes.js";
import type { Engine } from "../engine/run.js";
import { HoldstillError } from "../errors.js";
import type { Counts } from "../report/counts.js";
import { announcedBy } from "../restore/announced.js";
import type { Inventory } from "../restore/inventory.js";
import { layoutOf } from "../staged-tree/layout.js";
import type { Surroundings } from "../surroundings.js";
import { askRestic } from "./run.js";
import type { Snapshot } from "./snapshots.js";
import { expectedOf, treeReader, type ExpectedEntry } from "./tree-reader.js";

/** What the index in a snapshot says of it. */
export interface SnapshotIndex {
  readonly snapshot: SnapshotLine;
  readonly sources: readonly ArchivedSource[];
  readonly inventory: Inventory;
  readonly indexSha256: string;
  readonly counts: Counts;
  /** The names of databases that were found sound when they were captured. */
  readonly sound: readonly Bytes[];
  /** By path in the tree. */
  readonly expected: ReadonlyMap<Bytes, ExpectedEntry>;
}

const INDEX = /\/index\.jsonl$/;
const TREE = /\/tree$/;

/** @throws HoldstillError `bad-archive`, and by what restic says */
export async function readSnapshotIndex(
  restic: Engine,
  { snapshot, paths }: Snapshot,
  around: Surroundings,
): Promise<SnapshotIndex> {
  const index = paths.find((path) => INDEX.test(path));
  if (index === undefined) throw new HoldstillError("bad-archive", "the snapshot has no index");
  const lines: Parameters<typeof expectedOf>[] = [];
  const announced = await askRestic(
    restic,
    ["dump", "--no-lock", snapshot, index],
    (stdout) => announcedBy(stdout, around.signal, (...line) => void lines.push(line)),
    around,
  );
  if (announced === undefined) throw new HoldstillError("bad-archive", "its index is not one of holdstill");
  const roots = lines.filter(([line]) => line.type === "file" && pathOf(line) === ".").map(([{ source }]) => source);
  const placeOf = layoutOf(
    announced.sources.map(({ path }, source) => ({ path, type: roots.includes(source) ? "file" : "directory" })),
  );
  return {
    ...announced,
    ...countsOf(lines),
    expected: new Map(
      lines.map(([line, entry]) => [placeOf({ source: line.source, path: pathOf(line) }), expectedOf(line, entry)]),
    ),
  };
}

function countsOf(lines: readonly Parameters<typeof expectedOf>[]): Pick<SnapshotIndex, "counts" | "sound"> {
  const counts = { files: 0, directories: 0, symlinks: 0, hardlinks: 0, databases: 0, bytes: 0 };
  const sound: Bytes[] = [];
  const names: Readonly<Record<StoredLine["type"], "files" | "directories" | "symlinks" | "hardlinks">> = {
    ...{ file: "files", directory: "directories", symlink: "symlinks", hardlink: "hardlinks" },
  };
  for (const [line, { name }] of lines) {
    counts[names[line.type]]++;
    if (line.type !== "file") continue;
    counts.bytes += line.size;
    if (line.capture.method === "database") counts.databases++;
    if (line.database?.["integrity"] === "ok") sound.push(name);
  }
  return { counts, sound };
}

/**
 * Reads the trees of a snapshot whole and compares them with its index. restic compares what it reads with the digests
 * of its own.
 * @throws HoldstillError `bad-archive` that names the first difference
 */
export async function readTrees(
  restic: Engine,
  { snapshot, paths }: Snapshot,
  { expected }: SnapshotIndex,
  visitor: Required<TarVisitor>,
  around: Surroundings,
): Promise<void> {
  const { onEvent } = around;
  const reader = treeReader(expected, visitor);
  let files = 0;
  let bytes = 0;
  await reader.begin();
  for (const tree of paths.filter((path) => TREE.test(path))) {
    const above = `${bytesOf(tree).slice(1)}/`;
    const below: TarVisitor = {
      entry: (entry) => reader.entry({ ...entry, name: relativeTo(above, entry.name) }),
      data(chunk) {
        bytes += chunk.length;
        onEvent({ type: "progress", files, bytes });
        return reader.data(chunk);
      },
      end() {
        files++;
        return reader.end();
      },
    };
    const args = ["dump", "--no-lock", "--archive", "tar", snapshot, tree];
    await askRestic(restic, args, (stdout) => readTar(stdout, below, leniently), around);
  }
  await reader.finish();
}

/** restic names what it dumps by its absolute path. */
function relativeTo(above: string, name: Bytes): Bytes {
  const path = name.replace(/^\//, "");
  return (path.startsWith(above) ? path.slice(above.length) : path) as Bytes;
}
