import { PassThrough, Readable, type Duplex, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { TarArchive, type EntryData } from "archiver";
import { exactTextOf, type Bytes } from "../bytes.js";
import { entryWindow, type EntryWindow } from "./entry-window.js";
import { longNameRecord, paxRecord } from "./raw-names.js";

/** What the fields of a ustar header can hold as tar-stream writes them; the rest goes into PAX records. */
const MOST_ID = 0o777777;
const LAST_SECOND = 2 ** 31 - 1;

const EMPTY = Buffer.alloc(0);

export interface TarHeader {
  readonly type: "file" | "directory" | "symlink" | "hardlink";
  /** The path in the archive, without a slash at its end. */
  readonly path: Bytes;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  /** Where a symbolic link points, or the path in the archive that a hard link repeats. */
  readonly linkname?: Bytes;
}

export interface TarWriter {
  /** Appends an entry whose body, if it has one, is in memory. Resolves when there is room for the next. */
  readonly add: (header: TarHeader, body?: Buffer) => Promise<void>;
  /** Appends a file of exactly `size` bytes. Resolves when they are in the tar. */
  readonly stream: (header: TarHeader, size: number, chunks: AsyncIterable<Buffer>) => Promise<void>;
}

/**
 * Writes a tar: `fill` appends its entries, and the bytes go through the given streams. Rejects with what failed first,
 * wherever that was, after all has come to rest.
 */
export async function writeTar(
  fill: (tar: TarWriter) => Promise<void>,
  through: readonly [...Duplex[], Writable],
): Promise<void> {
  const archive = new TarArchive();
  const window = entryWindow();
  const failures: unknown[] = [];
  const fail = (error: unknown): void => {
    failures.push(error);
    window.fail(error);
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
  };
  // A warning is an entry that archiver leaves out.
  archive.on("warning", fail);
  archive.on("error", fail);
  archive.on("entry", window.leave);
  hearEntries(archive, fail, () => failures.length > 0);

  const written = pipeline([archive, ...through]).catch(fail);
  await fill(tarWriter(archive, window, fail))
    .then(() => {
      // Not awaited: once something has failed this promise never settles. The pipeline does.
      if (failures.length === 0) archive.finalize().catch(fail);
    })
    .catch(fail);
  await written;
  await closed(through[through.length - 1]);
  if (failures.length > 0) throw failures[0];
}

/** On Node 20 a pipeline that fails does not wait for its streams: the last one may still be writing. */
async function closed(stream: Writable | undefined): Promise<void> {
  if (stream && !stream.closed) await new Promise<void>((resolve) => void stream.once("close", resolve));
}

/** The part of archiver that is not its interface: tar-stream's encoder. */
type Engine = Readable & { entry: (...args: unknown[]) => Duplex };

function engineOf(archive: TarArchive): Engine {
  return (archive as unknown as { readonly _module: { readonly engine: Engine } })._module.engine;
}

/** Nobody listens to the streams of entries, and archiver goes on with its queue after it was destroyed: both throw. */
function hearEntries(archive: TarArchive, fail: (error: unknown) => void, hasFailed: () => boolean): void {
  const engine = engineOf(archive);
  const entry = engine.entry.bind(engine);
  engine.entry = (...args) => (hasFailed() ? new PassThrough() : entry(...args).on("error", fail));
}

function tarWriter(archive: TarArchive, window: EntryWindow, fail: (error: unknown) => void): TarWriter {
  const append = async (header: TarHeader, body: Buffer | Readable, size: number): Promise<void> => {
    const data = isText(header) ? entryOf(header) : await beginRawEntry(archive, window, header);
    window.enter(size);
    archive.append(body, Buffer.isBuffer(body) ? data : ({ ...data, stats: { size } } as EntryData));
  };
  return {
    async add(header, body = EMPTY) {
      await append(header, body, body.length);
      await window.room();
    },
    async stream(header, size, chunks) {
      await window.empty();
      const body = Readable.from(chunks, { objectMode: false, highWaterMark: 1 << 20 });
      body.on("error", fail);
      try {
        await append(header, body, size);
        await window.empty();
      } finally {
        body.destroy();
      }
    },
  };
}

/** Whether archiver can be given the names. It takes what ends in a backslash for a directory. */
function isText({ path, linkname }: TarHeader): boolean {
  if (path.endsWith("\\")) return false;
  return exactTextOf(path) !== undefined && (linkname === undefined || exactTextOf(linkname) !== undefined);
}

function entryOf(header: TarHeader): EntryData {
  const path = exactTextOf(header.path) ?? "";
  const linkname = header.linkname === undefined ? undefined : exactTextOf(header.linkname);
  // archiver mends names (facts: `a\b` becomes `a/b`, `c:/x` becomes `x`); what PAX says is what was found.
  const pax = { path: header.type === "directory" ? `${path}/` : path, ...paxFields(header) };
  return { ...fieldsOf(header), name: path, ...(linkname !== undefined && { linkname }), pax } as EntryData;
}

/** The records for names that are not UTF-8, written past archiver, and the entry that they belong to. */
async function beginRawEntry(archive: TarArchive, window: EntryWindow, header: TarHeader): Promise<EntryData> {
  await window.empty();
  const engine = engineOf(archive);
  engine.push(longNameRecord("L", (header.type === "directory" ? `${header.path}/` : header.path) as Bytes));
  if (header.linkname !== undefined) engine.push(longNameRecord("K", header.linkname));
  engine.push(paxRecord(paxFields(header)));
  return { ...fieldsOf(header), name: "name", ...(header.linkname && { linkname: "name" }) } as EntryData;
}

function fieldsOf({ type, mode, uid, gid, mtimeNs }: TarHeader) {
  const second = Math.min(Math.max(Number(mtimeNs / 1_000_000_000n), 0), LAST_SECOND);
  return {
    type: type === "hardlink" ? "link" : type,
    // tar-stream takes the number 0 for a mode that was not given.
    mode: mode === 0 ? "0" : mode,
    ...{ uid, gid, date: new Date(second * 1000) },
  };
}

function paxFields({ uid, gid, mtimeNs }: TarHeader): Record<string, string> {
  return {
    mtime: secondsText(mtimeNs),
    ...(uid > MOST_ID && { uid: String(uid) }),
    ...(gid > MOST_ID && { gid: String(gid) }),
  };
}

/** Nanoseconds as the decimal seconds of PAX. */
function secondsText(ns: bigint): string {
  const [sign, size] = ns < 0n ? ["-", -ns] : ["", ns];
  const fraction = (size % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return `${sign}${size / 1_000_000_000n}${fraction === "" ? "" : `.${fraction}`}`;
}
