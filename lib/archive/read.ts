import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import { extendedHeaders, type Complain, type ExtendedHeaders } from "./extended.js";
import type { Overrides } from "./pax.js";
import { pull, type Pull } from "./pull.js";
import {
  BLOCK,
  checksumVerdict,
  isZero,
  mapContinues,
  nameField,
  numberField,
  textField,
  typeflagOf,
} from "./tar-header.js";

export interface TarEntry {
  readonly type: "file" | "directory" | "symlink" | "hardlink" | "other";
  /** As it is stored, but for a directory's slash at the end. */
  readonly name: Bytes;
  readonly linkname: Bytes;
  /** Of the body that follows, in bytes. */
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly typeflag: string;
}

/** Called in the order of the tar; a promise is waited for before reading goes on. */
export interface TarVisitor {
  readonly entry: (entry: TarEntry) => void | Promise<void>;
  /** A part of the body: a slice of a chunk, not a copy. Not called for an empty one. */
  readonly data: (chunk: Buffer) => void | Promise<void>;
  readonly end?: () => void | Promise<void>;
}

/** Told of what can be read but is not as holdstill writes it; may throw the problem. */
export type OnIrregular = (problem: HoldstillError) => void;

/** For our own archives. */
export const strictly: OnIrregular = (problem) => {
  throw problem;
};

/** For what GNU tar, bsdtar and node-tar write. */
export const leniently: OnIrregular = () => {};

/** Of PAX headers and GNU long names, in bytes. */
const LARGEST_EXTENSION = 4 * 1024 * 1024;

const TYPES: Readonly<Record<string, TarEntry["type"]>> = {
  "\0": "file",
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "5": "directory",
  "7": "file",
};

/** Types without a body, whatever their size says. */
const BODILESS = "123456";
const REGULAR_TYPES = "0125";

/**
 * Reads a tar, decompressed, to the last byte: ustar, PAX, GNU and what was before them. At no time is more in memory
 * than a chunk or an extended header.
 * @throws HoldstillError `bad-archive` for damage and for what `onIrregular` does not allow, and what the visitor throws
 */
export async function readTar(
  chunks: AsyncIterable<Buffer>,
  visitor: TarVisitor,
  onIrregular: OnIrregular,
): Promise<void> {
  const tar = pull(chunks);
  const extended = extendedHeaders();
  try {
    for (;;) {
      const at = tar.position();
      const header = tar.slice(BLOCK) ?? (await tar.gather(BLOCK));
      if (header === undefined) throw damaged("it ends before its end mark", at);
      if (header[0] === 0 && isZero(header)) {
        if (extended.pending()) throw damaged("an extended header belongs to no entry", at);
        return await readEnd(tar, onIrregular);
      }
      const place: Place = { tar, at, header, irregular: (what) => onIrregular(damaged(what, at)) };
      checkSum(place);
      if (extended.isOne(typeflagOf(header))) await readExtended(place, extended);
      else await readEntry(place, extended.take(), visitor);
    }
  } finally {
    await tar.close();
  }
}

/** A header and where it was found. */
interface Place {
  readonly tar: Pull;
  readonly at: number;
  readonly header: Buffer;
  readonly irregular: (what: string) => void;
}

function checkSum({ header, at, irregular }: Place): void {
  const verdict = checksumVerdict(header);
  if (verdict === "wrong") throw damaged("a header's checksum is wrong", at);
  if (verdict === "irregular") irregular("a header's checksum is not written as holdstill writes it");
}

async function readExtended(place: Place, extended: ExtendedHeaders): Promise<void> {
  const { tar, at, header, irregular } = place;
  const size = sizeOf(place, {});
  if (size > LARGEST_EXTENSION) throw damaged("an extended header is larger than 4 MiB", at);
  const body = tar.slice(size) ?? (await tar.gather(size));
  if (body === undefined) throw damaged("it ends within an extended header", at);
  const complain: Complain = {
    irregular,
    damaged: (what) => {
      throw damaged(what, at);
    },
  };
  extended.add(typeflagOf(header), body, complain);
  await readPadding(place, size);
}

async function readEntry(place: Place, overrides: Overrides, visitor: TarVisitor): Promise<void> {
  const { tar, header } = place;
  const entry = entryOf(place, overrides);
  if (entry.typeflag === "S") await readSparseMap(tar, header, place.at);
  const waiting = visitor.entry(entry);
  if (waiting !== undefined) await waiting;
  for (let left = entry.size; left > 0;) {
    const part = tar.some(left);
    if (part === undefined) {
      if (await tar.more()) continue;
      throw damaged(`it ends within ${textOf(entry.name)}`, tar.position());
    }
    left -= part.length;
    const waiting = visitor.data(part);
    if (waiting !== undefined) await waiting;
  }
  const ending = visitor.end?.();
  if (ending !== undefined) await ending;
  await readPadding(place, entry.size);
}

function entryOf(place: Place, overrides: Overrides): TarEntry {
  const { header, at, irregular } = place;
  const typeflag = typeflagOf(header);
  const stored = overrides.path ?? nameField(header);
  const number = (field: "mode" | "uid" | "gid" | "mtime"): number => {
    const value = numberField(header, field);
    if (value === undefined) throw damaged(`the ${field} of ${textOf(stored)} is not a number`, at);
    return value;
  };
  // Before there was a type for directories, they were files whose names end with a slash.
  const isDirectory = typeflag === "5" || (stored.endsWith("/") && TYPES[typeflag] === "file");
  const name = (isDirectory ? stored.replace(/\/+$/, "") : stored) as Bytes;
  if (name === "") throw damaged("an entry has no name", at);
  if (!REGULAR_TYPES.includes(typeflag)) irregular(`${textOf(name)} is of a type that holdstill does not store`);
  const size = sizeOf(place, overrides);
  const hasBody = !BODILESS.includes(typeflag);
  if (size > 0 && !hasBody) irregular(`${textOf(name)} has a size`);
  return {
    type: isDirectory ? "directory" : (TYPES[typeflag] ?? "other"),
    name,
    linkname: overrides.linkpath ?? textField(header, "linkname"),
    size: hasBody ? size : 0,
    mode: number("mode") & 0o7777,
    uid: overrides.uid ?? number("uid"),
    gid: overrides.gid ?? number("gid"),
    mtimeNs: overrides.mtimeNs ?? BigInt(number("mtime")) * 1_000_000_000n,
    typeflag,
  };
}

function sizeOf({ header, at }: Place, overrides: Overrides): number {
  const size = overrides.size ?? numberField(header, "size");
  if (size === undefined || size < 0) throw damaged("the size of an entry is not a number", at);
  return size;
}

async function readSparseMap(tar: Pull, header: Buffer, at: number): Promise<void> {
  for (let continues = mapContinues(header, "header"); continues;) {
    const block = tar.slice(BLOCK) ?? (await tar.gather(BLOCK));
    if (block === undefined) throw damaged("it ends within the map of a sparse file", at);
    continues = mapContinues(block, "map");
  }
}

/** Bodies are filled up to whole blocks. */
async function readPadding({ tar, at, irregular }: Place, size: number): Promise<void> {
  const length = -size & (BLOCK - 1);
  if (length === 0) return;
  const padding = tar.slice(length) ?? (await tar.gather(length));
  if (padding === undefined) throw damaged("it ends within the padding of an entry", at);
  if (!isZero(padding)) irregular("the padding of an entry is not zero");
}

/** After the first zero block. Reading on to the end also lets a decompressor find fault. */
async function readEnd(tar: Pull, onIrregular: OnIrregular): Promise<void> {
  const from = tar.position();
  for (;;) {
    const part = tar.some(Infinity);
    if (part === undefined) {
      if (await tar.more()) continue;
      break;
    }
    if (!isZero(part)) throw damaged("something follows its end mark", tar.position() - part.length);
  }
  const length = tar.position() - from;
  if (length < BLOCK) onIrregular(damaged("its end mark is not complete", from));
  if (length % BLOCK !== 0) onIrregular(damaged("it is not a whole number of blocks", from + length));
}

function damaged(what: string, at: number): HoldstillError {
  return new HoldstillError("bad-archive", `the archive is damaged at byte ${at} of the tar: ${what}`);
}
