import { PassThrough, Readable, type Duplex, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { TarArchive, type EntryData } from "archiver";
import { giveBuffer, takeBuffer } from "../buffer-pool.js";
import { exactTextOf, type Bytes } from "../bytes.js";
import { entryWindow, type EntryWindow } from "./entry-window.js";
import { gather } from "./gather.js";
import { longNameRecord, paxRecord } from "./raw-names.js";

/** What the fields of a ustar header can hold as tar-stream writes them; the rest goes into PAX records. */
const MOST_ID = 0o777777;
const LAST_SECOND = 2 ** 31 - 1;

const EMPTY = Buffer.alloc(0);
const BLOCK = 1 << 20;

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
  /** Appends an entry, and gives back its body, if it has one. A promise is to be waited for before the next. */
  readonly add: (header: TarHeader, body?: Buffer) => Promise<void> | undefined;
  /** Appends a file of exactly `size` bytes, and gives back the chunks. Resolves when they are in the tar. */
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
  gatherOutput(archive);

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
type Engine = Omit<Readable, "push"> & {
  entry: (...args: unknown[]) => Duplex;
  push: (chunk: Buffer | null) => boolean;
};

function engineOf(archive: TarArchive): Engine {
  return (archive as unknown as { readonly _module: { readonly engine: Engine } })._module.engine;
}

/** Nobody listens to the streams of entries, and archiver goes on with its queue after it was destroyed: both throw. */
function hearEntries(archive: TarArchive, fail: (error: unknown) => void, hasFailed: () => boolean): void {
  const engine = engineOf(archive);
  const entry = engine.entry.bind(engine);
  engine.entry = (...args) => (hasFailed() ? new PassThrough() : entry(...args).on("error", fail));
}

/** Headers, bodies and padding come apart: each would go through the streams that follow by itself. */
function gatherOutput(archive: TarArchive): void {
  const engine = engineOf(archive);
  const push = engine.push.bind(engine);
  const { add, rest } = gather(BLOCK, takeBuffer);
  engine.push = (chunk) => {
    let goOn = true;
    for (const block of chunk === null ? rest() : add(chunk)) goOn = push(block);
    if (chunk === null) return push(null);
    giveBuffer(chunk);
    return goOn;
  };
}

function tarWriter(archive: TarArchive, window: EntryWindow, fail: (error: unknown) => void): TarWriter {
  const append = (data: EntryData, body: Buffer | Readable, size: number): void => {
    window.enter(size);
    archive.append(body, data);
  };
  const addRaw = async (header: TarHeader, body: Buffer): Promise<void> => {
    append(await beginRawEntry(archive, window, header), body, body.length);
    await window.room();
  };
  return {
    add(header, body = EMPTY) {
      const data = entryOf(header);
      if (data === undefined) return addRaw(header, body);
      append(data, body, body.length);
      return window.room();
    },
    async stream(header, size, chunks) {
      await window.empty();
      const body = Readable.from(chunks, { objectMode: false, highWaterMark: 1 << 20 });
      body.on("error", fail);
      try {
        const data = entryOf(header) ?? (await beginRawEntry(archive, window, header));
        append({ ...data, stats: { size } } as EntryData, body, size);
        await window.empty();
      } finally {
        body.destroy();
      }
    },
  };
}

/** Undefined where archiver cannot be given the names. It takes what ends in a backslash for a directory. */
function entryOf(header: TarHeader): EntryData | undefined {
  const path = exactTextOf(header.path);
  const linkname = header.linkname === undefined ? undefined : exactTextOf(header.linkname);
  if (path === undefined || path.endsWith("\\") || (linkname === undefined) !== (header.linkname === undefined)) {
    return undefined;
  }
  // archiver mends names (facts: `a\b` becomes `a/b`, `c:/x` becomes `x`); what PAX says is what was found.
  const pax = paxFields(header, header.type === "directory" ? `${path}/` : path);
  return fieldsOf(header, { name: path, linkname, pax });
}

/** The records for names that are not UTF-8, written past archiver, and the entry that they belong to. */
async function beginRawEntry(archive: TarArchive, window: EntryWindow, header: TarHeader): Promise<EntryData> {
  await window.empty();
  const engine = engineOf(archive);
  engine.push(longNameRecord("L", (header.type === "directory" ? `${header.path}/` : header.path) as Bytes));
  if (header.linkname !== undefined) engine.push(longNameRecord("K", header.linkname));
  engine.push(paxRecord(paxFields(header)));
  return fieldsOf(header, { name: "name", linkname: header.linkname && "name", pax: undefined });
}

interface Names {
  readonly name: string;
  readonly linkname: string | undefined;
  readonly pax: Readonly<Record<string, string>> | undefined;
}

/** One literal: of objects that are put together by spreads, V8 makes a hidden class for each. */
function fieldsOf({ type, mode, uid, gid, mtimeNs }: TarHeader, { name, linkname, pax }: Names): EntryData {
  const second = Math.min(Math.max(Number(mtimeNs / 1_000_000_000n), 0), LAST_SECOND);
  return {
    name,
    type: type === "hardlink" ? "link" : type,
    // tar-stream takes the number 0 for a mode that was not given.
    mode: mode === 0 ? "0" : mode,
    uid,
    gid,
    date: new Date(second * 1000),
    linkname,
    pax,
  } as EntryData;
}

function paxFields({ uid, gid, mtimeNs }: TarHeader, path?: string): Record<string, string> {
  const mtime = secondsText(mtimeNs);
  const fields: Record<string, string> = path === undefined ? { mtime } : { path, mtime };
  if (uid > MOST_ID) fields["uid"] = String(uid);
  if (gid > MOST_ID) fields["gid"] = String(gid);
  return fields;
}

/** Nanoseconds as the decimal seconds of PAX. */
function secondsText(ns: bigint): string {
  const [sign, size] = ns < 0n ? ["-", -ns] : ["", ns];
  const fraction = (size % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return `${sign}${size / 1_000_000_000n}${fraction === "" ? "" : `.${fraction}`}`;
}
