import type { Bytes } from "../bytes.js";

/** Names in an order, packed: each takes what it does not share with the beginning of the one before it. */
export interface NameList extends Iterable<Bytes> {
  readonly length: () => number;
  readonly add: (name: Bytes) => void;
}

/** Of a record: how much is shared, and how much follows. */
const HEAD = 8;
const PAGE = 64 << 10;

export function nameList(): NameList {
  const pages: { readonly bytes: Buffer; used: number }[] = [];
  let last = "";
  let count = 0;

  return {
    length: () => count,
    add(name) {
      let page = pages.at(-1);
      let shared = page === undefined ? 0 : sharedBy(last, name);
      if (page === undefined || page.used + HEAD + name.length - shared > PAGE) {
        shared = 0;
        page = { bytes: Buffer.alloc(Math.max(PAGE, HEAD + name.length)), used: 0 };
        pages.push(page);
      }
      const { bytes, used } = page;
      bytes.writeUInt32LE(shared, used);
      bytes.writeUInt32LE(name.length - shared, used + 4);
      bytes.write(name.slice(shared), used + HEAD, "latin1");
      page.used += HEAD + name.length - shared;
      last = name;
      count++;
    },
    *[Symbol.iterator]() {
      let name = Buffer.alloc(0);
      for (const { bytes, used } of pages) {
        for (let at = 0; at < used;) {
          const [shared, rest] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
          if (name.length < shared + rest) {
            const longer = Buffer.alloc(2 * (shared + rest));
            name.copy(longer, 0, 0, shared);
            name = longer;
          }
          at += HEAD;
          bytes.copy(name, shared, at, at + rest);
          at += rest;
          yield name.toString("latin1", 0, shared + rest) as Bytes;
        }
      }
    },
  };
}

function sharedBy(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}
