import { createHash } from "node:crypto";
import { bytesOf, bytewise, textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import {
  namedPath,
  namedTarget,
  payloadRoot,
  printLine,
  type CatalogEntry,
  type EndLine,
  type IndexSource,
  type SnapshotLine,
} from "./index.js";
import type { Manifest } from "./parse-manifest.js";
import type { Seen, SeenEntry } from "./seen.js";

/** What a tar holds that no index line of its own is for: its name, and what it is. */
export interface OddEntry {
  readonly name: Bytes;
  readonly detail: string;
}

/** The first line of the index that an archive of OpenClaw would have. */
export function foreignSnapshot({ value, root, sha256 }: Manifest): SnapshotLine {
  const text = (name: string): string => (typeof value[name] === "string" ? value[name] : "");
  const createdAt = text("createdAt");
  return {
    ...{
      type: "snapshot",
      schema: 1,
      id: "",
      tool: `openclaw ${text("runtimeVersion")}`.trimEnd(),
      createdAt,
      host: "",
    },
    ...{ profile: "openclaw", root, sources: sourcesOf(value["assets"], payloadRoot(root)) },
    frozen: { from: createdAt, to: createdAt, ms: 0 },
    ...{ strategy: "none", manifestSha256: sha256 },
  };
}

/** The assets, and at last the root of all paths, for what lies in none of them. */
function sourcesOf(assets: unknown, payload: Bytes): IndexSource[] {
  const paths = (Array.isArray(assets) ? assets : []).flatMap((asset: unknown) => {
    const { archivePath, kind } = (asset ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof archivePath !== "string" || !archivePath.startsWith(`${textOf(payload)}/`)) return [];
    const path = archivePath.slice(textOf(payload).length).replace(/\/+$/, "");
    return [{ path, ...(typeof kind === "string" && { kind }) }];
  });
  return [...paths, { path: "/" }];
}

/**
 * The index of an archive that has none, from what was read: in the order of our own, without proofs.
 * @throws HoldstillError `bad-archive` for what is not stored under a path of this kind of system
 */
export function* foreignIndex(snapshot: SnapshotLine, seen: Seen, odd: readonly OddEntry[]): Generator<string> {
  const hash = createHash("sha256");
  const counts = { files: 0, directories: 0, symlinks: 0, hardlinks: 0, skipped: 0, bytes: 0 };
  const place = placing(snapshot);
  const hashed = (line: string): string => {
    hash.update(line);
    return line;
  };

  yield hashed(printLine(snapshot));
  for (const at of inOrder(seen, odd)) {
    const line = typeof at === "number" ? lineOf(seen.at(at), place) : skipOf(at, place);
    if (line === undefined) continue;
    if (line.type === "file") {
      counts.files++;
      counts.bytes += line.size;
    } else if (line.type === "directory") counts.directories++;
    else if (line.type === "symlink") counts.symlinks++;
    else if (line.type === "hardlink") counts.hardlinks++;
    else counts.skipped++;
    yield hashed(printLine(line));
  }
  const { files, directories, symlinks, hardlinks, skipped, bytes } = counts;
  const end: EndLine = {
    ...{ type: "end", files, directories, symlinks, hardlinks, skipped, bytes },
    sha256: hash.digest("hex"),
  };
  yield printLine(end);
}

/** Both in bytewise order of their names. */
function inOrder(seen: Seen, odd: readonly OddEntry[]): (number | OddEntry)[] {
  const nameOf = (at: number | OddEntry): Bytes =>
    typeof at === "number" ? (seen.name(at) ?? ("" as Bytes)) : at.name;
  const all: (number | OddEntry)[] = [...Array(seen.length()).keys(), ...odd];
  return all.sort((a, b) => bytewise(nameOf(a), nameOf(b)));
}

interface Placed {
  readonly source: number;
  readonly path: Bytes;
}

type Place = (name: Bytes) => Placed | undefined;

/** Where a name in the archive belongs; undefined for the directories around all sources. */
function placing({ root, sources }: SnapshotLine): Place {
  const payload = payloadRoot(root);
  const paths = sources.map((source) => ("path" in source ? bytesOf(source.path) : ("/" as Bytes)));
  const above = new Set<string>(["", "/"]);
  for (const path of paths)
    for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) above.add(path.slice(0, at));
  return (name) => {
    if (`${payload}/`.startsWith(`${name}/`)) return undefined;
    if (!name.startsWith(`${payload}/`)) {
      throw new HoldstillError(
        "bad-archive",
        `what was backed up on another kind of system cannot be listed: ${textOf(name)}`,
      );
    }
    const path = name.slice(payload.length);
    const source = innermost(paths, path);
    const base = paths[source] ?? "/";
    if (base === "/" && above.has(path)) return undefined;
    return { source, path: (path === base ? "." : path.slice(base === "/" ? 1 : base.length + 1)) as Bytes };
  };
}

function innermost(paths: readonly Bytes[], path: string): number {
  let found = paths.length - 1;
  paths.forEach((candidate, index) => {
    const holds = path === candidate || path.startsWith(`${candidate}/`);
    if (holds && candidate.length > (paths[found]?.length ?? 0)) found = index;
  });
  return found;
}

function lineOf(entry: SeenEntry | undefined, place: Place): CatalogEntry | undefined {
  const placed = entry && place(entry.name);
  if (!entry || !placed) return undefined;
  const { type, mode, uid, gid, size, sha256 } = entry;
  const { source, path } = placed;
  const owned = { ...namedPath(path), source, mode, uid, gid, mtimeNs: String(entry.mtimeNs) };
  switch (type) {
    case "file":
      return { type, ...owned, size, sha256 };
    case "directory":
      return { type, ...owned };
    case "symlink":
      return { type, ...owned, ...namedTarget(entry.linkname) };
    case "hardlink": {
      const target = place(entry.linkname) ?? { source, path: entry.linkname };
      return {
        type,
        ...owned,
        ...namedTarget(target.path),
        ...(target.source !== source && { targetSource: target.source }),
      };
    }
  }
}

function skipOf({ name, detail }: OddEntry, place: Place): CatalogEntry | undefined {
  const placed = place(name);
  return placed && { type: "skip", ...namedPath(placed.path), source: placed.source, reason: "special", detail };
}
