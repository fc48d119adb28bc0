import { payloadRoot } from "../archive/index.js";
import { isManifest, rootOf } from "../archive/parse-manifest.js";
import type { TarEntry, TarVisitor } from "../archive/read.js";
import { bytesOf, exactTextOf, textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";

/** What an archive holds of one name. */
export interface Stored {
  readonly type: TarEntry["type"];
  /** In the archive. */
  readonly name: Bytes;
  /** Of a hard link: the file that it is another name of, however many links lie between. */
  readonly target: Bytes;
  readonly size: number;
}

export interface Inventory extends Required<TarVisitor> {
  /** In the order of the archive: all that was backed up, and nothing that only describes it. */
  readonly entries: readonly Stored[];
  /** Names that are not below the payload, and no description either. */
  readonly strays: readonly Bytes[];
}

const PAYLOAD = `${payloadRoot("")}/`;

/** In bytes. A path can be longer than the 4,096 that can be named at once, but not by much where people made it. */
const LONGEST_NAME = 16 << 10;

const BLOCK_OR_CHARACTER_DEVICE = /^[34]$/;

/**
 * Takes down what an archive holds, before anything of it is written, and refuses what is made to do harm: names below
 * what is no directory, hard links to what the archive has not given before, devices.
 * @throws HoldstillError `bad-archive`
 */
export function inventory(): Inventory {
  const entries: Stored[] = [];
  const strays: Bytes[] = [];
  /** By name, all that nothing may lie below; of hard links the file. */
  const leaves = new Map<Bytes, Stored>();
  const parents = new Set<Bytes>();

  const targetOf = ({ type, name, linkname }: TarEntry): Bytes => {
    if (type !== "hardlink") return "" as Bytes;
    const target = leaves.get(linkname);
    if (target?.type === "file") return target.name;
    if (target?.type === "hardlink") return target.target;
    throw hostile(`${textOf(name)} is a hard link to what is no file before it in the archive: ${textOf(linkname)}`);
  };

  /** Ancestors that were looked at before have none that is new. */
  const assertBelowDirectories = (name: Bytes): void => {
    for (let end = name.lastIndexOf("/"); end > 0; end = name.lastIndexOf("/", end - 1)) {
      const parent = name.slice(0, end) as Bytes;
      if (parents.has(parent)) return;
      if (leaves.has(parent)) throw hostile(`${textOf(name)} lies below what is no directory: ${textOf(parent)}`);
      parents.add(parent);
    }
  };

  return {
    entries,
    strays,
    entry(entry) {
      const { type, name, size, typeflag } = entry;
      if (!isPayload(entry)) {
        if (!isDescription(entry)) strays.push(name);
        return;
      }
      if (name.length > LONGEST_NAME) throw hostile(`a name has ${name.length} bytes`);
      if (BLOCK_OR_CHARACTER_DEVICE.test(typeflag)) throw hostile(`${textOf(name)} is a device`);
      assertBelowDirectories(name);
      const stored = { type, name, size, target: targetOf(entry) };
      entries.push(stored);
      if (type === "directory") {
        if (leaves.has(name)) throw hostile(`${textOf(name)} is there twice`);
        return;
      }
      if (parents.has(name)) throw hostile(`something lies below ${textOf(name)}, which is no directory`);
      leaves.set(name, stored);
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
