import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { SkipReason, Verdict } from "../stage/entry.js";
import type { Checked } from "./check.js";
import type { Manifest } from "./parse-manifest.js";
import {
  archivePath,
  pathOf,
  pathText,
  targetOf,
  type EndLine,
  type Line,
  type SkipLine,
  type SnapshotLine,
  type StoredLine,
} from "./index.js";
import type { Seen, SeenEntry } from "./seen.js";

export interface Comparison {
  /** Takes the lines of the index in their order, when all entries were seen. */
  readonly line: (line: Line) => void;
  readonly result: (indexSha256: string) => Omit<Checked, "unchecked" | "manifest">;
}

const FIELDS = ["type", "size", "mode", "uid", "gid", "mtimeNs", "linkname", "sha256"] as const;
type Facts = Pick<SeenEntry, (typeof FIELDS)[number]>;

const WORDS: Readonly<Record<keyof Facts, string>> = {
  type: "type",
  size: "size",
  mode: "mode",
  uid: "owner",
  gid: "group",
  mtimeNs: "time",
  linkname: "link target",
  sha256: "sha256",
};

/** Merges what was seen in a tar with its index: both are in bytewise order of the archive paths. */
export function comparison(seen: Seen, manifest: Manifest): Comparison {
  const counts = { files: 0, directories: 0, symlinks: 0, hardlinks: 0, databases: 0, bytes: 0 };
  const verdicts: Record<Verdict, number> = { exact: 0, prefix: 0, recaptured: 0, unstable: 0 };
  const skipped: Record<SkipReason, number> = { vanished: 0, excluded: 0, special: 0, unreadable: 0 };
  const sound: Bytes[] = [];
  let damaged = 0;
  let snapshot: SnapshotLine | undefined;
  let sources: readonly Bytes[] = [];
  let next = 0;
  let last = "" as Bytes;
  let lastWasSkip = false;

  const archived = (source: number, path: Bytes): Bytes => {
    const root = sources[source];
    if (root === undefined) throw bad(`the index has no source ${source}: ${textOf(path)}`);
    return archivePath(manifest.root, root, path);
  };

  /** A path may be left out and stored: it vanished and came back. */
  const placeOf = (line: StoredLine | SkipLine): Bytes => {
    const place = archived(line.source, pathOf(line));
    const isSkip = line.type === "skip";
    if (place < last || (place === last && !isSkip && !lastWasSkip)) {
      throw bad(`out of order in the index: ${pathText(line)}`);
    }
    last = place;
    lastWasSkip = isSkip;
    return place;
  };

  const begin = (line: SnapshotLine): void => {
    if (line.root !== manifest.root) throw bad("the index is of another archive");
    if (line.manifestSha256 !== manifest.sha256) throw bad("sha256 of manifest.json differs");
    snapshot = line;
    sources = line.sources.map(pathOf);
  };

  const compare = (line: StoredLine): void => {
    const place = placeOf(line);
    const entry = seen.at(next);
    if (entry === undefined || entry.name > place) throw bad(`missing from the archive: ${pathText(line)}`);
    if (entry.name < place) throw extra(entry.name);
    const linkname = linknameOf(line);
    const expected = factsOf(line, linkname);
    const field = FIELDS.find((name) => entry[name] !== expected[name]);
    if (field !== undefined) throw bad(`${WORDS[field]} of ${pathText(line)} differs`);
    if (line.type === "hardlink") {
      const target = seen.find(linkname);
      if (target === undefined || target >= next || seen.at(target)?.type !== "file") {
        throw bad(`what ${pathText(line)} is a hard link to is not before it in the archive`);
      }
    }
    next += 1;
    count(line);
  };

  const linknameOf = (line: StoredLine): Bytes => {
    if (line.type === "symlink") return targetOf(line);
    return line.type === "hardlink" ? archived(line.targetSource ?? line.source, targetOf(line)) : ("" as Bytes);
  };

  const extra = (name: Bytes): HoldstillError => {
    const roots = sources.map((_, source) => `${archived(source, "." as Bytes)}/`);
    const root = roots.find((prefix) => name.startsWith(prefix)) ?? "";
    return bad(`not in the index: ${textOf(name.slice(root.length) as Bytes)}`);
  };

  const count = (line: StoredLine): void => {
    if (line.type === "directory") counts.directories++;
    else if (line.type === "symlink") counts.symlinks++;
    else if (line.type === "hardlink") counts.hardlinks++;
    else {
      counts.files++;
      counts.bytes += line.size;
      verdicts[line.capture.verdict]++;
      if (line.capture.method === "database") counts.databases++;
      const integrity = line.database?.["integrity"];
      if (integrity === "ok") sound.push(archived(line.source, pathOf(line)));
      if (typeof integrity === "object" && integrity !== null && "problems" in integrity) damaged++;
    }
  };

  const end = (line: EndLine): void => {
    const left = seen.name(next);
    if (left !== undefined) throw extra(left);
    const all = { ...counts, skipped: Object.values(skipped).reduce((sum, reason) => sum + reason, 0) };
    for (const name of ["files", "directories", "symlinks", "hardlinks", "skipped", "bytes"] as const) {
      if (line[name] !== all[name]) throw bad(`the index miscounts its ${name}`);
    }
  };

  return {
    line(line) {
      switch (line.type) {
        case "snapshot":
          return begin(line);
        case "skip":
          placeOf(line);
          skipped[line.reason]++;
          return;
        case "end":
          return end(line);
        default:
          return compare(line);
      }
    },
    result(sha256) {
      return {
        ...{ counts, root: manifest.root },
        sources: sources.map((path, index) => ({ path, kind: snapshot?.sources[index]?.kind ?? "workspace" })),
        ...(snapshot !== undefined && { index: { snapshot, sha256, verdicts, skipped, sound, damaged } }),
      };
    },
  };
}

function factsOf(line: StoredLine, linkname: Bytes): Facts {
  const { type, mode, uid, gid } = line;
  const { size, sha256 } = line.type === "file" ? line : { size: 0, sha256: "" };
  return { type, size, mode, uid, gid, mtimeNs: BigInt(line.mtimeNs), linkname, sha256 };
}

function bad(what: string): HoldstillError {
  return new HoldstillError("bad-archive", what);
}
