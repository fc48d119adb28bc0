import type { OpenBody, Store, StoredFile } from "../archive/pack.js";
import { nameOf, parentOf, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { descentInto, type Descent } from "../stage/descent.js";
import type { FrozenDirectory, FrozenEntry, FrozenFile, FrozenHardlink, FrozenSymlink } from "../stage/entry.js";
import type { Body } from "../stage/guard.js";
import type { Stage } from "../stage/place.js";
import { intoStage, storeCopy } from "../stage/private-copy.js";
import { giveAttributes } from "./attributes.js";
import type { Placed } from "./layout.js";
import { settleFile } from "./settle-file.js";

/** For each source, where it goes. */
export interface TreeSource {
  readonly stage: Stage;
  /** The directory of the tree that it lies in. */
  readonly tree: Bytes;
}

export interface TreeStoreOptions {
  readonly fs: Filesystem;
  readonly sources: readonly TreeSource[];
  readonly layout: (entry: Placed) => Bytes;
  readonly entries: readonly FrozenEntry[];
  /** Opens a file by way of a private copy. */
  readonly reopen: (file: FrozenFile) => Promise<Body>;
}

export interface TreeStore extends Store {
  /** Gives the directories their modes and times. */
  readonly finish: () => void;
  /** The files that are hard links to live ones. */
  readonly links: readonly FrozenFile[];
  /** Calls `look` with the path of a link in the tree, good until it returns. */
  readonly at: <T>(entry: Placed, look: (path: Bytes) => T) => T;
  readonly close: () => void;
}

/** Why there can be no further name for a file: each is answered by a copy. */
const LINK_REFUSED = ["EXDEV", "EMLINK", "EPERM"] as const;

/** Entries as a real tree: what is in the stages is moved to where it belongs, and nothing is copied that need not be. */
export function treeStore({ fs, sources, layout, entries, reopen }: TreeStoreOptions): TreeStore {
  const descents = new Map<Bytes, Descent>();
  for (const { tree } of sources) {
    if (!descents.has(tree)) descents.set(tree, descentInto(fs, tree));
  }
  const shared = sharedCopies(entries);
  const links: FrozenFile[] = [];
  const directories: FrozenDirectory[] = [];

  const sourceOf = ({ source }: Placed): TreeSource => {
    const found = sources[source];
    if (!found) throw new Error(`source ${source} has no stage`);
    return found;
  };
  /** Good until the next call: see `Descent`. */
  const pathIn = (tree: Bytes, path: Bytes): Bytes => {
    const down = descents.get(tree);
    if (!down) throw new Error(`${tree} is no tree`);
    return path === "." ? tree : (`${down.enter(parentOf(path)).base}/${nameOf(path)}` as Bytes);
  };
  const at = (entry: Placed): Bytes => pathIn(sourceOf(entry).tree, layout(entry));

  const makeAncestors = (tree: Bytes, path: Bytes): void => {
    const parent = parentOf(path);
    if (path === "." || parent === ".") return;
    makeAncestors(tree, parent);
    try {
      fs.mkdir(pathIn(tree, parent), 0o700);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
  };
  sources.forEach(({ tree }, source) => makeAncestors(tree, layout({ source, path: "." as Bytes })));

  const storeFile = async (file: FrozenFile, body: OpenBody): Promise<StoredFile> => {
    const { stage } = sourceOf(file);
    const options = { fs, stage, shared: shared.has(file.staged), reopen: () => reopen(file) };
    const settled = await settleFile(options, file, body);
    if (settled.status === "unreadable") return settled;
    fs.rename(settled.path, at(file));
    if (settled.linked) links.push(file);
    return { status: "stored", proof: settled.proof, sha256: settled.sha256 };
  };

  const storeDirectory = (directory: FrozenDirectory): void => {
    if (layout(directory) !== ".") fs.mkdir(at(directory), 0o700);
    directories.push(directory);
  };

  const storeSymlink = (link: FrozenSymlink): void => {
    fs.symlink(link.target, at(link));
    giveAttributes(fs, at(link), link);
  };

  const storeHardlink = async (entry: FrozenHardlink): Promise<void> => {
    const { stage } = sourceOf(entry);
    const path = stage.next();
    try {
      fs.link(at(entry.target), path);
      fs.rename(path, at(entry));
    } catch (error) {
      if (!isErrno(error, ...LINK_REFUSED)) throw error;
      await storeSecondCopy(entry, stage);
    }
  };

  const storeSecondCopy = async (entry: FrozenHardlink, stage: Stage): Promise<void> => {
    const fd = fs.openRead(at(entry.target));
    try {
      const { size } = fs.fstat(fd);
      const copy = await storeCopy(fs, stage, fd, size);
      giveAttributes(fs, copy, { ...entry, type: "file" });
      fs.rename(copy, at(entry));
    } finally {
      fs.close(fd);
    }
  };

  return {
    links,
    at: (entry, look) => look(at(entry)),
    file: storeFile,
    async other(entry) {
      const { stage } = sourceOf(entry);
      if (entry.type === "hardlink") await storeHardlink(entry);
      else if (entry.type === "symlink") intoStage(stage, () => storeSymlink(entry));
      else intoStage(stage, () => storeDirectory(entry));
    },
    finish() {
      for (const directory of directories.toReversed()) giveAttributes(fs, at(directory), directory);
    },
    close() {
      for (const down of descents.values()) down.close();
    },
  };
}

/** The staged copies that stand for two entries: of a file that was renamed and captured under both names. */
function sharedCopies(entries: readonly FrozenEntry[]): ReadonlySet<Bytes> {
  const seen = new Set<Bytes>();
  const shared = new Set<Bytes>();
  for (const entry of entries) {
    if (entry.type !== "file" || entry.method !== "copy") continue;
    if (seen.has(entry.staged)) shared.add(entry.staged);
    seen.add(entry.staged);
  }
  return shared;
}
