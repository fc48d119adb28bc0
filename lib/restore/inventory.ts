import { nameTable } from "../archive/name-table.js";
import { payloadRoot } from "../archive/index.js";
import { isManifest, rootOf } from "../archive/parse-manifest.js";
import type { TarEntry, TarVisitor } from "../archive/read.js";
import { bytesOf, exactTextOf, textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import { spareMemory } from "../memory.js";
import { storedEntries, type StoredEntries } from "./stored-entries.js";

/** What was taken down of an archive. */
export interface Inventory {
  /** In the order of the archive: all that was backed up, and nothing that only describes it. */
  readonly entries: StoredEntries;
  /** Names that are not below the payload, and no description either. */
  readonly strays: readonly Bytes[];
}

export interface InventoryVisitor extends Required<TarVisitor> {
  /** To be kept where the archive has been read: what was needed only for judging it is let go. */
  readonly taken: () => Inventory;
}

const PAYLOAD = `${payloadRoot("")}/`;

/** In bytes. A path can be longer than the 4,096 that can be named at once, but not by much where people made it. */
const LONGEST_NAME = 16 << 10;

/** After so many entries it is looked at how many there are. */
const SOME = 10_000;

/** What nothing may lie below, and below what something lies. */
const LEAF = 1;
const PARENT = 2;

const BLOCK_OR_CHARACTER_DEVICE = /^[34]$/;

/**
 * Takes down what an archive holds, before anything of it is written, and refuses what is made to do harm: names below
 * what is no directory, hard links to what the archive has not given before, devices.
 * @throws HoldstillError `bad-archive`
 */
export function inventory(): InventoryVisitor {
  const entries = storedEntries();
  const strays: Bytes[] = [];
  const known = nameTable();
  /** Of the leaves, what is no file; hard links with the file that they are another name of. */
  const special = new Set<Bytes>();
  const links = new Map<Bytes, Bytes>();
  let lastParent: string | undefined;

  const targetOf = ({ type, name, linkname }: TarEntry): Bytes => {
    if (type !== "hardlink") return "" as Bytes;
    const target = links.get(linkname);
    if (target !== undefined) return target;
    if (known.get(linkname) === LEAF && !special.has(linkname)) return linkname;
    throw hostile(`${textOf(name)} is a hard link to what is no file before it in the archive: ${textOf(linkname)}`);
  };

  /** Ancestors that were looked at before have none that is new. */
  const assertBelowDirectories = (name: Bytes): void => {
    let end = name.lastIndexOf("/");
    if (name.slice(0, end) === lastParent) return;
    lastParent = name.slice(0, end);
    for (; end > 0; end = name.lastIndexOf("/", end - 1)) {
      const parent = name.slice(0, end) as Bytes;
      const before = known.set(parent, PARENT);
      if (before === PARENT) return;
      if (before === LEAF) throw hostile(`${textOf(name)} lies below what is no directory: ${textOf(parent)}`);
    }
  };

  return {
    taken: () => ({ entries, strays }),
    entry(entry) {
      const { type, name, size, typeflag } = entry;
      if (!isPayload(entry)) {
        if (!isDescription(entry)) strays.push(name);
        return;
      }
      if (name.length > LONGEST_NAME) throw hostile(`a name has ${name.length} bytes`);
      if (BLOCK_OR_CHARACTER_DEVICE.test(typeflag)) throw hostile(`${textOf(name)} is a device`);
      assertBelowDirectories(name);
      const target = targetOf(entry);
      entries.add({ type, name, size, target });
      if (entries.length() % SOME === 0) spareMemory(entries.length());
      if (type === "directory") {
        if (known.get(name) === LEAF) throw hostile(`${textOf(name)} is there twice`);
        return;
      }
      if (known.set(name, LEAF) === PARENT)
        throw hostile(`something lies below ${textOf(name)}, which is no directory`);
      if (type === "hardlink") links.set(name, target);
      else if (type !== "file") special.add(name);
    },
    data() {},
    end() {},
  };
}

/** Whether an entry is of what was backed up. */
export function isPayload(entry: Pick<TarEntry, "name">): boolean {
  const slash = entry.name.indexOf("/");
  return entry.name.startsWith(PAYLOAD, slash) && exactTextOf(entry.name.slice(0, slash) as Bytes) !== undefined;
}

/** The manifest, the index, and the directories above the payload. */
function isDescription(entry: TarEntry): boolean {
  const payload = payloadRoot(rootOf(entry));
  if (isManifest(entry) || payload === entry.name || payload.startsWith(`${entry.name}/`)) return true;
  return entry.name === bytesOf(`${rootOf(entry)}/holdstill/index.jsonl`);
}

function hostile(what: string): HoldstillError {
  return new HoldstillError("bad-archive", `the archive is not safe to restore: ${what}`);
}
