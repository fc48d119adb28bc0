import { createHash, type Hash } from "node:crypto";
import { leniently, readTar } from "../archive/read.js";
import type { Bytes } from "../bytes.js";
import { readTarOf, type ArchiveFile, type ReadNeeds } from "../read-archive.js";
import { Enough } from "./read-file.js";

/** A file that may have grown out of one with this size and digest. */
export interface Suspect {
  readonly key: Bytes;
  /** As the larger one is called in its archive. */
  readonly name: Bytes;
  readonly size: number;
  readonly sha256: string;
}

/** Reads an archive as far as needed, and returns the keys of those that begin with what they were before. */
export async function isAppendedTo(
  archive: ArchiveFile,
  around: ReadNeeds,
  suspects: AsyncIterable<Suspect>,
): Promise<ReadonlySet<Bytes>> {
  const wanted = new Map<Bytes, Suspect[]>();
  for await (const suspect of suspects) wanted.set(suspect.name, [...(wanted.get(suspect.name) ?? []), suspect]);
  const grown = new Set<Bytes>();
  if (wanted.size === 0) return grown;
  let current: readonly (Suspect & { readonly hash: Hash })[] = [];
  let position = 0;
  let left = wanted.size;
  const visitor = {
    entry({ name }: { readonly name: Bytes }) {
      current = (wanted.get(name) ?? []).map((suspect) => ({ ...suspect, hash: createHash("sha256") }));
      position = 0;
    },
    data(chunk: Buffer) {
      for (const { hash, size } of current) if (size > position) hash.update(chunk.subarray(0, size - position));
      position += chunk.length;
    },
    end() {
      if (current.length === 0) return;
      for (const { hash, sha256, key } of current) if (hash.digest("hex") === sha256) grown.add(key);
      left -= 1;
      if (left === 0) throw new Enough();
    },
  };
  try {
    await readTarOf(archive, around, "read", (tar) => readTar(tar, visitor, leniently));
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  return grown;
}
