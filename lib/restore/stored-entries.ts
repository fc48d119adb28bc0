import { nameList } from "../archive/name-list.js";
import type { TarEntry } from "../archive/read.js";
import type { Bytes } from "../bytes.js";

/** What an archive holds of one name. */
export interface Stored {
  readonly type: TarEntry["type"];
  /** In the archive. */
  readonly name: Bytes;
  /** Of a hard link: the file that it is another name of, however many links lie between. */
  readonly target: Bytes;
  readonly size: number;
}

/** Many of them, in their order, packed: about 40 bytes each where names are alike. */
export interface StoredEntries extends Iterable<Stored> {
  readonly length: () => number;
  readonly add: (entry: Stored) => void;
}

const TYPES = ["file", "directory", "symlink", "hardlink", "other"] as const;

export function storedEntries(): StoredEntries {
  const names = nameList();
  const types: number[] = [];
  const sizes: number[] = [];
  const targets = new Map<number, Bytes>();

  return {
    length: names.length,
    add({ type, name, target, size }) {
      const index = types.push(TYPES.indexOf(type)) - 1;
      sizes.push(size);
      names.add(name);
      if (target !== "") targets.set(index, target);
    },
    *[Symbol.iterator]() {
      let index = 0;
      for (const name of names) {
        const [type = "other", size = 0] = [TYPES[types[index] ?? -1], sizes[index]];
        yield { type, name, size, target: targets.get(index) ?? ("" as Bytes) };
        index++;
      }
    },
  };
}
