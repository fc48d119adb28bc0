import { createHash } from "node:crypto";
import { Writable } from "node:stream";
import { bytesOf, type Bytes } from "../../lib/bytes.js";
import { archivePath, namedPath, namedTarget, printLine, type EntryLine, type Line } from "../../lib/archive/index.js";
import { writeTar, type TarHeader } from "../../lib/archive/write.js";

export const ROOT = "2026-11-23T10-00-00.000Z-directory-backup";
export const SOURCE = bytesOf("/home/anna/state");

/** One entry, as the tar is to have it and as the index is to name it. */
export interface SampleEntry {
  readonly header: TarHeader;
  readonly body: Buffer;
  readonly line: EntryLine;
}

type Extra = Partial<Pick<TarHeader, "mode" | "uid" | "gid" | "mtimeNs">> & { readonly method?: "database" };

const PLAIN = { mode: 0o600, uid: 1000, gid: 1000, mtimeNs: 1_790_000_000_123_456_789n };

export function sha256(data: Buffer | string): string {
  return createHash("sha256").update(data).digest("hex");
}

export function file(path: string, content: string, extra: Extra = {}): SampleEntry {
  const { method = "link", ...owned } = { ...PLAIN, ...extra };
  const body = Buffer.from(content);
  const capture = { method, verdict: "exact", cut: 0, at: "2026-11-23T10:00:00.000Z" } as const;
  const { mode, uid, gid, mtimeNs } = owned;
  return {
    header: { type: "file", path: inArchive(path), ...owned },
    body,
    line: {
      ...{ type: "file", ...namedPath(path as Bytes), source: 0, size: body.length },
      ...{ mode, uid, gid, mtimeNs: String(mtimeNs), sha256: sha256(body), capture },
    },
  };
}

export function directory(path: string, extra: Extra = {}): SampleEntry {
  const owned = { ...PLAIN, mode: 0o700, ...extra };
  const line = { type: "directory", ...namedPath(path as Bytes), source: 0, ...owned } as const;
  return {
    header: { type: "directory", path: inArchive(path), ...owned },
    body: Buffer.alloc(0),
    line: { ...line, mtimeNs: String(owned.mtimeNs) },
  };
}

export function symlink(path: string, target: string): SampleEntry {
  const named = { ...namedPath(path as Bytes), ...namedTarget(target as Bytes), source: 0, ...PLAIN };
  return {
    header: { type: "symlink", path: inArchive(path), ...PLAIN, linkname: target as Bytes },
    body: Buffer.alloc(0),
    line: { type: "symlink", ...named, mtimeNs: String(PLAIN.mtimeNs) },
  };
}

export function hardlink(path: string, target: string): SampleEntry {
  const named = { ...namedPath(path as Bytes), ...namedTarget(target as Bytes), source: 0, ...PLAIN };
  return {
    header: { type: "hardlink", path: inArchive(path), ...PLAIN, linkname: inArchive(target) },
    body: Buffer.alloc(0),
    line: { type: "hardlink", ...named, mtimeNs: String(PLAIN.mtimeNs) },
  };
}

function inArchive(path: string): Bytes {
  return archivePath(ROOT, SOURCE, path as Bytes);
}

/** One of everything, in bytewise order. Paths are given as bytes, one character each. */
export function sampleEntries(): SampleEntry[] {
  return [
    directory("."),
    directory("agents"),
    file("agents/a.sqlite", "SQLite format 3\0", { method: "database" }),
    file("agents/empty", ""),
    file("agents/session.jsonl", '{"n":1}\n', { uid: 70_000_000, mtimeNs: -1_500_000_000n }),
    hardlink("agents/session.link", "agents/session.jsonl"),
    file("back\\slash", "x".repeat(700)),
    symlink("latest", "agents/\xff.jsonl"),
    file(`long-${"l".repeat(120)}`, "a long name", { mtimeNs: 5_000_000_000n }),
    file(bytesOf("naïve ☕"), "UTF-8"),
    file("raw-\xff\xfe", "not UTF-8"),
  ];
}

export const MANIFEST = JSON.stringify({
  schemaVersion: 1,
  createdAt: "2026-11-23T10:00:00.000Z",
  archiveRoot: ROOT,
  assets: [{ kind: "workspace", sourcePath: SOURCE, archivePath: `${ROOT}/payload/posix${SOURCE}` }],
  holdstill: { tool: "holdstill 0.1.0" },
});

/** A whole index for some entry lines. */
export function indexOf(lines: readonly EntryLine[], manifest = MANIFEST): string {
  return closed([snapshotLine(manifest), ...lines], lines);
}

export function snapshotLine(manifest = MANIFEST): Line {
  return {
    ...{ type: "snapshot", schema: 1, id: "0192", tool: "holdstill 0.1.0", createdAt: "2026-11-23T10:00:00.000Z" },
    ...{ host: "here", profile: "directory", root: ROOT, sources: [{ path: SOURCE }], strategy: "auto" },
    frozen: { from: "2026-11-23T10:00:00.000Z", to: "2026-11-23T10:00:00.240Z", ms: 240 },
    manifestSha256: sha256(manifest),
  };
}

/** Lines with the end line that fits them. */
export function closed(lines: readonly Line[], counted: readonly EntryLine[]): string {
  const count = (type: EntryLine["type"]): number => counted.filter((line) => line.type === type).length;
  const text = lines.map(printLine).join("");
  const end: Line = {
    ...{ type: "end", files: count("file"), directories: count("directory"), symlinks: count("symlink") },
    ...{ hardlinks: count("hardlink"), skipped: count("skip") },
    bytes: counted.reduce((sum, line) => sum + (line.type === "file" ? line.size : 0), 0),
    sha256: sha256(text),
  };
  return `${text}${printLine(end)}`;
}

/** The tar of an archive, written as `create` writes it. Without an index if that is undefined. */
export async function tarOf(
  entries: readonly Pick<SampleEntry, "header" | "body">[],
  index: string | undefined,
  manifest = MANIFEST,
): Promise<Buffer> {
  const own = (path: string): TarHeader => ({ ...PLAIN, type: "file", path: bytesOf(`${ROOT}/${path}`) });
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, callback) {
      chunks.push(chunk);
      callback();
    },
  });
  await writeTar(
    async (tar) => {
      await tar.add(own("manifest.json"), Buffer.from(manifest));
      for (const { header, body } of entries) await tar.add(header, body);
      if (index !== undefined) await tar.add(own("holdstill/index.jsonl"), Buffer.from(index));
    },
    [sink],
  );
  return Buffer.concat(chunks);
}

/** A good archive of everything there is. */
export async function sampleTar(): Promise<Buffer> {
  const entries = sampleEntries();
  return tarOf(entries, indexOf(entries.map(({ line }) => line)));
}

/** Bytes in chunks of a size that fits nothing. */
export async function* chunked(data: Buffer, size = 64 * 1024): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}
