import { bytesOf, exactTextOf, textOf, under, type Bytes } from "../bytes.js";
import type { Method, SkipReason, Verdict } from "../stage/entry.js";

/*
 * The lines of index.jsonl, as they stand there. Readers allow for fields they do not know, except in the last line:
 * nothing covers its digest but itself.
 */

/** A path as JSON can hold it: text, or the base64 of bytes that are not UTF-8. */
export type NamedPath = { readonly path: string } | { readonly pathBase64: string };
export type NamedTarget = { readonly target: string } | { readonly targetBase64: string };

interface Owned {
  /** Which source: its index in the snapshot's list. The path is relative to it, `.` for its root. */
  readonly source: number;
  /** The lower twelve bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds of the epoch, in decimal. */
  readonly mtimeNs: string;
}

export type IndexSource = NamedPath & { readonly kind?: string; readonly method?: Method };

export interface SnapshotLine {
  readonly type: "snapshot";
  readonly schema: 1;
  readonly id: string;
  /** The program that made it, and its version. */
  readonly tool: string;
  readonly createdAt: string;
  readonly host: string;
  readonly profile: string;
  /** The one directory at the top of the archive. */
  readonly root: string;
  readonly sources: readonly IndexSource[];
  readonly frozen: {
    readonly from: string;
    readonly to: string;
    readonly ms: number;
    readonly databaseSkewMs?: number;
  };
  readonly strategy: string;
  readonly label?: string;
  readonly manifestSha256: string;
  /** Whether the tree was seen to the end, in how many passes. */
  readonly settled?: boolean;
  readonly settlePasses?: number;
  /** What of the configuration could not be resolved, in words. */
  readonly problems?: readonly string[];
}

type FileFacts = NamedPath &
  Owned & {
    readonly type: "file";
    readonly size: number;
    readonly sha256: string;
    readonly database?: Readonly<Record<string, unknown>>;
  };

/** How a file came into the archive. */
export interface CaptureProof {
  readonly method: Method;
  readonly verdict: Verdict;
  /** Bytes left off at the end: an unterminated line. */
  readonly cut: number;
  readonly at: string;
  /** Why it is unstable, where that is not for lack of quiet. */
  readonly reason?: string;
}

export type FileLine = FileFacts & { readonly capture: CaptureProof };

export type DirectoryLine = NamedPath & Owned & { readonly type: "directory" };

export type SymlinkLine = NamedPath & NamedTarget & Owned & { readonly type: "symlink" };

/** Its target is the path of a file, in the same source unless `targetSource` says another. */
export type HardlinkLine = NamedPath &
  NamedTarget &
  Owned & { readonly type: "hardlink"; readonly targetSource?: number };

export type SkipLine = NamedPath & {
  readonly type: "skip";
  readonly source: number;
  readonly reason: SkipReason;
  readonly detail?: string;
  readonly rule?: string;
};

/** The digest is over all lines before this one, newlines included. */
export interface EndLine {
  readonly type: "end";
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly hardlinks: number;
  readonly skipped: number;
  /** Of all files. */
  readonly bytes: number;
  readonly sha256: string;
}

/** A line for something that is in the tar. */
export type StoredLine = FileLine | DirectoryLine | SymlinkLine | HardlinkLine;
export type EntryLine = StoredLine | SkipLine;
export type Line = SnapshotLine | EntryLine | EndLine;

/** A file as a catalog has it: of an archive that holdstill did not make, nobody knows how its files were captured. */
export type CatalogFile = FileFacts & { readonly capture?: CaptureProof };
export type CatalogEntry = Exclude<EntryLine, FileLine> | CatalogFile;
export type CatalogLine = SnapshotLine | CatalogEntry | EndLine;

/** The line with its newline. */
export function printLine(line: CatalogLine): string {
  return `${JSON.stringify(line)}\n`;
}

export function namedPath(path: Bytes): NamedPath {
  const text = exactTextOf(path);
  return text === undefined ? { pathBase64: base64Of(path) } : { path: text };
}

export function namedTarget(target: Bytes): NamedTarget {
  const text = exactTextOf(target);
  return text === undefined ? { targetBase64: base64Of(target) } : { target: text };
}

export function pathOf(named: NamedPath): Bytes {
  return "path" in named ? bytesOf(named.path) : bytesOfBase64(named.pathBase64);
}

export function targetOf(named: NamedTarget): Bytes {
  return "target" in named ? bytesOf(named.target) : bytesOfBase64(named.targetBase64);
}

/** A path as a person is to read it. */
export function pathText(named: NamedPath): string {
  return textOf(pathOf(named));
}

/** Where an entry is in the archive: `<root>/payload/posix/<absolute path>`. */
export function archivePath(root: string, sourcePath: Bytes, path: Bytes): Bytes {
  return `${payloadRoot(root)}${under(sourcePath, path).replace(/\/$/, "")}` as Bytes;
}

/** Everything that was backed up lies below. */
export function payloadRoot(root: string): Bytes {
  return `${bytesOf(root)}/payload/posix` as Bytes;
}

function base64Of(bytes: Bytes): string {
  return Buffer.from(bytes, "latin1").toString("base64");
}

function bytesOfBase64(base64: string): Bytes {
  return Buffer.from(base64, "base64").toString("latin1") as Bytes;
}
