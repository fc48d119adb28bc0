import { createHash } from "node:crypto";
import { leniently, readTar } from "../archive/read.js";
import { HoldstillError } from "../errors.js";
import { readTarOf, type ArchiveFile, type ReadNeeds } from "../read-archive.js";
import { pathText } from "../archive/index.js";
import type { FoundFile } from "./find-entry.js";

/** Takes bytes; false when no more are wanted. */
export type TakeBytes = (chunk: Buffer) => Promise<boolean>;

/** Nothing is wrong: what comes after it in the archive is of no interest. */
export class Enough extends Error {
  override readonly name = "Enough";
}

/**
 * Hands over the bytes of one file of an archive, and reads no further than its end.
 * @throws HoldstillError `bad-archive` where they are not those that the index tells of
 */
export async function readFileOf(
  archive: ArchiveFile,
  { name, line }: FoundFile,
  around: ReadNeeds,
  take: TakeBytes,
): Promise<void> {
  const hash = createHash("sha256");
  let isIt = false;
  const bad = (what: string): HoldstillError => new HoldstillError("bad-archive", what, { path: archive.shown });
  const visitor = {
    entry(entry: { readonly name: string; readonly size: number }) {
      isIt = entry.name === name;
      if (isIt && entry.size !== line.size) throw bad(`the size of ${pathText(line)} differs from its index`);
    },
    async data(chunk: Buffer) {
      if (!isIt) return;
      hash.update(chunk);
      if (!(await take(chunk))) throw new Enough();
    },
    end() {
      if (!isIt) return;
      if (hash.digest("hex") !== line.sha256) throw bad(`the sha256 of ${pathText(line)} differs from its index`);
      throw new Enough();
    },
  };
  try {
    await readTarOf(archive, around, "read", (tar) => readTar(tar, visitor, leniently));
  } catch (error) {
    if (error instanceof Enough) return;
    throw error;
  }
  throw bad(`it does not hold ${pathText(line)}, which its index names`);
}
