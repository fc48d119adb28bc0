import type { Bytes } from "../bytes.js";
import type { TarEntry } from "./read.js";

export type StoredType = "file" | "directory" | "symlink" | "hardlink";

/** What the tar says of an entry. */
export interface SeenEntry {
  readonly type: StoredType;
  readonly name: Bytes;
  readonly linkname: Bytes;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  /** In hex; empty for what has no body. */
  readonly sha256: string;
}

/** All entries of a tar, remembered until the index comes: about 100 bytes each, and their names. */
export interface Seen {
  readonly length: () => number;
  readonly add: (entry: TarEntry & { readonly type: StoredType }, sha256: Buffer) => void;
  readonly name: (index: number) => Bytes | undefined;
  readonly at: (index: number) => SeenEntry | undefined;
  /** Where a name is, if names were added in bytewise order. */
  readonly find: (name: Bytes) => number | undefined;
}

const TYPES = ["file", "directory", "symlink", "hardlink"] as const;

/** Of a record: the digest, then whole numbers as doubles, which hold them exactly, then what is small. */
const DIGEST = 32;
const OFFSET = {
  size: 32,
  uid: 40,
  gid: 48,
  mtimeNs: 56,
  mtimeOverflow: 64,
  mode: 68,
  type: 70,
  hasDigest: 71,
} as const;
const RECORD = 72;
const RECORDS_A_PAGE = 4096;

export function seenEntries(): Seen {
  const names: Bytes[] = [];
  const linknames = new Map<number, Bytes>();
  const pages: Buffer[] = [];

  const name = (index: number): Bytes | undefined => names[index];

  return {
    length: () => names.length,
    name,
    add(entry, sha256) {
      const index = names.push(entry.name) - 1;
      if (entry.linkname !== "") linknames.set(index, entry.linkname);
      if (index % RECORDS_A_PAGE === 0) pages.push(Buffer.alloc(RECORDS_A_PAGE * RECORD));
      const page = pages.at(-1) ?? Buffer.alloc(0);
      const at = (index % RECORDS_A_PAGE) * RECORD;
      sha256.copy(page, at);
      page.writeDoubleLE(entry.size, at + OFFSET.size);
      page.writeDoubleLE(entry.uid, at + OFFSET.uid);
      page.writeDoubleLE(entry.gid, at + OFFSET.gid);
      // 64 bits of nanoseconds end in 2262; ext4 and XFS go on.
      page.writeBigInt64LE(BigInt.asIntN(64, entry.mtimeNs), at + OFFSET.mtimeNs);
      page.writeInt32LE(Number(BigInt.asIntN(32, entry.mtimeNs >> 64n)), at + OFFSET.mtimeOverflow);
      page.writeUInt16LE(entry.mode, at + OFFSET.mode);
      page[at + OFFSET.type] = TYPES.indexOf(entry.type);
      page[at + OFFSET.hasDigest] = sha256.length === DIGEST ? 1 : 0;
    },
    at(index) {
      const page = pages[Math.floor(index / RECORDS_A_PAGE)];
      const name = names[index];
      if (page === undefined || name === undefined) return undefined;
      const at = (index % RECORDS_A_PAGE) * RECORD;
      const high = BigInt(page.readInt32LE(at + OFFSET.mtimeOverflow)) << 64n;
      return {
        type: TYPES[page[at + OFFSET.type] ?? 0] ?? "file",
        name,
        linkname: linknames.get(index) ?? ("" as Bytes),
        size: page.readDoubleLE(at + OFFSET.size),
        mode: page.readUInt16LE(at + OFFSET.mode),
        uid: page.readDoubleLE(at + OFFSET.uid),
        gid: page.readDoubleLE(at + OFFSET.gid),
        mtimeNs: high + BigInt.asUintN(64, page.readBigInt64LE(at + OFFSET.mtimeNs)),
        sha256: page[at + OFFSET.hasDigest] === 1 ? page.toString("hex", at, at + DIGEST) : "",
      };
    },
    find(wanted) {
      let low = 0;
      let high = names.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((names[middle] ?? "") < wanted) low = middle + 1;
        else high = middle;
      }
      return names[low] === wanted ? low : undefined;
    },
  };
}
