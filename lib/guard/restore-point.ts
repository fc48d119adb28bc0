import { targetOf, type DirectoryLine, type HardlinkLine } from "../archive/index.js";
import type { TarEntry } from "../archive/read.js";
import { bytewise, parentOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { attributeSetter, type AttributeSetter, type Attributes } from "../restore/attributes.js";
import { treeSync } from "../restore/sync.js";
import { removeTree } from "../stage/leftovers.js";
import { makeDirectory } from "../vault/output.js";
import { fileDigest } from "../file-digest.js";
import { checkRestored } from "./check-restored.js";
import { containerOf, partOf } from "./containers.js";
import { fromIndex, type Gathering } from "./index-lines.js";
import type { Place } from "./journal.js";
import { belowPlace, isStored, pathInPlace, type FileEntry, type StoredEntry } from "./lines-of-place.js";
import { restoreInto } from "./restore-place.js";
import type { Work } from "./work.js";

/** What a filesystem says that cannot clone, or of a live file that is not what it was. */
const NO_CLONE = ["ENOTSUP", "EOPNOTSUPP", "EXDEV", "EINVAL", "ENOSYS", "ENOTTY", "EPERM", "EACCES"];
const GONE = ["ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "ENXIO"];

/**
 * Makes restore points where files can be cloned: going back is then a matter of renames, however large the state is.
 * @returns the places, those that have one marked so
 */
export async function makeRestorePoints(work: Work, archive: string, places: readonly Place[]): Promise<Place[]> {
  const made: Place[] = [];
  for (const place of places) {
    const prepared = place.type === "directory" && canClone(work.fs, place);
    if (prepared) await makePoint(work, archive, place);
    made.push({ ...place, prepared });
  }
  return made;
}

/** Tried on files of its own, beside the place. */
function canClone(fs: Filesystem, place: Place): boolean {
  const directory = partOf(place);
  const [from, to] = [under(directory, "a" as Bytes), under(directory, "b" as Bytes)];
  removeTree(fs, directory);
  makeDirectory(fs, directory);
  try {
    fs.close(fs.create(from, 0o600));
    fs.reflink(from, to);
    return true;
  } catch (error) {
    if (!isErrno(error, ...NO_CLONE)) throw error;
    return false;
  } finally {
    removeTree(fs, directory);
  }
}

/**
 * Takes each file from the live tree by a clone whose content is that of the archive; what has changed since, and
 * databases, from the archive itself.
 */
async function makePoint(work: Work, archive: string, place: Place): Promise<void> {
  const { fs } = work;
  const container = containerOf(place);
  removeTree(fs, container);
  makeDirectory(fs, container);
  const { uid, gid } = fs.lstat(container);
  const setter = attributeSetter(fs, { uid, gid, isRoot: uid === 0 }, true);
  const { files, directories, links, missing } = await fromIndex(archive, work, cloning(fs, place, setter));
  if (missing.size > 0) {
    const part = partOf(place);
    makeDirectory(fs, part);
    await restoreInto(work, archive, place, { target: part, wanted: (path) => missing.has(path) });
    for (const path of missing) fs.rename(under(part, path), under(place.fresh, path));
    removeTree(fs, part);
  }
  for (const { path, target } of links) fs.link(under(place.fresh, target), under(place.fresh, path));
  for (const { path, attributes } of directories.toReversed())
    setDirectory(fs, under(place.fresh, path), setter, attributes);
  await treeSync(fs, container).finish(files);
  await fromIndex(archive, work, checkRestored(fs, place, "shape"));
}

interface Cloned {
  readonly files: number;
  /** Parents first. */
  readonly directories: readonly { readonly path: Bytes; readonly attributes: Attributes }[];
  readonly links: readonly { readonly path: Bytes; readonly target: Bytes }[];
  /** What has to come from the archive. */
  readonly missing: ReadonlySet<Bytes>;
}

function cloning(fs: Filesystem, place: Place, setter: AttributeSetter): Gathering<Cloned> {
  const directories: { path: Bytes; attributes: Attributes }[] = [];
  const links: { path: Bytes; target: Bytes }[] = [];
  const missing = new Set<Bytes>();
  let files = 0;

  const file = async (line: FileEntry, path: Bytes): Promise<void> => {
    const to = under(place.fresh, path);
    files++;
    if (!(await isCloned(fs, under(place.live, path), to, line.sha256))) missing.add(path);
    else setFile(fs, to, setter, attributesOf(line));
  };
  const hardlink = (line: HardlinkLine, path: Bytes): void => {
    const isOwn = (line.targetSource ?? line.source) === place.source;
    const target = isOwn ? belowPlace(place, targetOf(line)) : undefined;
    if (target === undefined) missing.add(path);
    else links.push({ path, target });
  };
  const directory = (line: DirectoryLine, path: Bytes): void => {
    if (path !== ".") makeDirectory(fs, under(place.fresh, path));
    directories.push({ path, attributes: attributesOf(line) });
  };
  const entry = (line: StoredEntry, path: Bytes): void | Promise<void> => {
    if (path !== ".") makeDirectory(fs, parentOf(under(place.fresh, path)));
    if (line.type === "file") return file(line, path);
    if (line.type === "directory") return directory(line, path);
    if (line.type === "hardlink") return hardlink(line, path);
    const at = under(place.fresh, path);
    fs.symlink(targetOf(line), at);
    setter.setLink(at, attributesOf(line));
  };
  return {
    line(line) {
      const path = pathInPlace(place, line);
      return path === undefined || !isStored(line) ? undefined : entry(line, path);
    },
    result: () => ({ files, directories: directories.sort((a, b) => bytewise(a.path, b.path)), links, missing }),
  };
}

async function isCloned(fs: Filesystem, from: Bytes, to: Bytes, sha256: string): Promise<boolean> {
  try {
    fs.reflink(from, to);
  } catch (error) {
    // A refused clone may leave an empty file.
    if (isErrno(error, ...NO_CLONE, ...GONE)) return discard(fs, to);
    throw error;
  }
  return (await fileDigest(fs, to)) === sha256 || discard(fs, to);
}

function discard(fs: Filesystem, path: Bytes): false {
  try {
    fs.unlink(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
  return false;
}

function attributesOf({ mode, uid, gid, mtimeNs }: StoredEntry): Pick<TarEntry, "mode" | "uid" | "gid" | "mtimeNs"> {
  return { mode, uid, gid, mtimeNs: BigInt(mtimeNs) };
}

function setFile(fs: Filesystem, path: Bytes, setter: AttributeSetter, attributes: Attributes): void {
  // A clone has the mode of what it was made of, which may not let us read it.
  fs.chmod(path, 0o600);
  const fd = fs.openRead(path);
  try {
    setter.set(fd, attributes);
  } finally {
    fs.close(fd);
  }
}

function setDirectory(fs: Filesystem, path: Bytes, setter: AttributeSetter, attributes: Attributes): void {
  const fd = fs.openDirectory(path);
  try {
    setter.set(fd, attributes);
  } finally {
    fs.close(fd);
  }
}
