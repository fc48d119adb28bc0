import { bytesOf, parentOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno, isNoSpace } from "../errors.js";
import type { Filesystem, Stat } from "../filesystem.js";
import type { Owner } from "../vault/owner.js";
import { hasDescriptorPaths, openRoot, pathOfDescriptor } from "./descent.js";
import { MARKER, STAGE_PREFIX, removeTree } from "./leftovers.js";
import { spaceGuard, type SpaceGuard } from "./space.js";
import { restoreMtime } from "./mtime.js";

const HEARTBEAT_MS = 60_000;

/** A private directory (mode 0700) for what was captured of one source. */
export interface Stage {
  /** Where a person finds it. */
  readonly path: Bytes;
  /** By which the program reaches it: through a descriptor, so that nobody can put another directory in its place. */
  readonly base: Bytes;
  readonly placement: "beside" | "inside" | "cache";
  /** What was tried in it and worked, for files that are on the stage's own mount. */
  readonly clones: boolean;
  readonly links: boolean;
  readonly coarseClock: boolean;
  readonly space: SpaceGuard;
  /** The path for one more captured file. */
  readonly next: () => Bytes;
  /** The path of a captured file for another process of ours. */
  readonly forChild: (staged: Bytes) => Bytes;
  /** Throws where the stage is no longer there: then nothing in it may count as merely vanished. */
  readonly assertPresent: () => void;
  /** Removes it and puts back the root's mtime; a second call does nothing. */
  readonly remove: () => void;
}

export interface Placement {
  readonly path: Bytes;
  readonly placement: Stage["placement"];
}

/** The places where the stage of a root may lie, the best first. Leftovers of dead runs are looked for in the same. */
export function stageParents(root: Bytes, cache: Bytes): Placement[] {
  const parent = parentOf(root) === "" ? ("/" as Bytes) : parentOf(root);
  return [
    ...(root === "/" ? [] : [{ path: parent, placement: "beside" as const }]),
    { path: root, placement: "inside" },
    { path: cache, placement: "cache" },
  ];
}

/**
 * Makes the stage of a root: beside it where both are on one mount, else inside it, else in the cache directory.
 * @throws HoldstillError `output-unusable` where none of these can be written, `no-space` where the disk is full.
 */
export function placeStage(fs: Filesystem, root: Bytes, cache: Bytes, owner: Owner): Stage {
  const rootFd = openRoot(fs, root);
  try {
    const rootStat = fs.fstat(rootFd);
    const rootMount = mountOf(fs, rootFd, rootStat);
    const refusals: string[] = [];
    for (const { path: parent, placement } of stageParents(root, cache)) {
      try {
        const made = tryPlace(fs, parent, placement, owner, rootMount);
        if (typeof made === "object") return stageIn(fs, made, root, rootStat, owner);
        refusals.push(made);
      } catch (error) {
        if (placement === "inside" && mtimeOf(fs, root) !== rootStat.mtimeNs) restoreMtime(fs, root, rootStat.mtimeNs);
        throw error;
      }
    }
    throw new HoldstillError("output-unusable", `there is no place for the stage: ${refusals.join("; ")}`, {
      path: textOf(root),
      hint: "Make the parent directory, the source or the cache directory (XDG_CACHE_HOME) writable.",
    });
  } finally {
    fs.close(rootFd);
  }
}

interface Made {
  readonly path: Bytes;
  readonly fd: number;
  readonly base: Bytes;
  readonly placement: Stage["placement"];
  readonly clones: boolean;
  readonly links: boolean;
  readonly coarseClock: boolean;
}

function tryPlace(
  fs: Filesystem,
  parent: Bytes,
  placement: Stage["placement"],
  owner: Owner,
  rootMount: string,
): Made | string {
  const path = under(parent, bytesOf(`${STAGE_PREFIX}${owner.id}-${owner.pid}-${owner.startTime}`));
  try {
    if (placement === "cache") makeParents(fs, parent);
    fs.mkdir(path, 0o700);
  } catch (error) {
    if (isNoSpace(error)) throw fullDisk(path, error);
    if (isErrno(error, "EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR")) return `${textOf(parent)} (${error.code})`;
    throw error;
  }
  let fd: number | undefined;
  try {
    fd = fs.openDirectory(path);
    const stat = fs.fstat(fd);
    const sameMount = mountOf(fs, fd, stat) === rootMount;
    if (placement === "beside" && !sameMount) {
      fs.close(fd);
      fs.rmdir(path);
      return `${textOf(parent)} (another mount)`;
    }
    if (stat.mode !== 0o700) fs.chmod(path, 0o700);
    const base = hasDescriptorPaths(fs) ? pathOfDescriptor(fd) : path;
    const marker = `${base}/${MARKER}` as Bytes;
    const probe = `${base}/probe` as Bytes;
    writeMarker(fs, marker, owner);
    return {
      ...{ path, fd, base, placement },
      clones: sameMount && works(fs, () => fs.reflink(marker, probe), probe),
      links: sameMount && works(fs, () => fs.link(marker, probe), probe),
      coarseClock: fs.lstat(marker).mtimeNs % 1_000_000_000n === 0n,
    };
  } catch (error) {
    if (fd !== undefined) fs.close(fd);
    removeTree(fs, path);
    if (isErrno(error, "EIO"))
      throw new HoldstillError("io", "the stage cannot be made", { path: textOf(path), cause: error });
    throw isNoSpace(error) ? fullDisk(path, error) : error;
  }
}

function stageIn(fs: Filesystem, made: Made, root: Bytes, rootStat: Stat, owner: Owner): Stage {
  const { path, fd, base, placement, clones, links, coarseClock } = made;
  // What the root's mtime became by the stage alone; when it is another later, the live program has moved it.
  const madeMtime = placement === "inside" ? fs.lstat(root).mtimeNs : undefined;
  const heartbeat = setInterval(() => touch(fs, `${base}/${MARKER}` as Bytes), HEARTBEAT_MS).unref();
  let count = 0;
  let removed = false;
  return {
    ...{ path, base, placement, clones, links, coarseClock },
    space: spaceGuard(fs, base),
    next: () => `${base}/${(count++).toString(36)}` as Bytes,
    forChild: (staged) => (base === path ? staged : `/proc/${owner.pid}/fd/${fd}${staged.slice(base.length)}`) as Bytes,
    assertPresent() {
      if (fs.fstat(fd).nlink > 0) return;
      throw new HoldstillError("io", "the stage was removed while it was in use", {
        path: textOf(path),
        hint: "Keep cleaners away from directories named .holdstill-stage-*.",
      });
    },
    remove() {
      if (removed) return;
      removed = true;
      clearInterval(heartbeat);
      const mtime = placement === "inside" ? mtimeOf(fs, root) : undefined;
      removeTree(fs, path);
      fs.close(fd);
      if (mtime !== undefined) restoreMtime(fs, root, mtime === madeMtime ? rootStat.mtimeNs : mtime);
    },
  };
}

/** By its marker's mtime, runs on other hosts see that the owner of a stage is alive. */
function touch(fs: Filesystem, marker: Bytes): void {
  try {
    const seconds = Date.now() / 1000;
    fs.utimes(marker, seconds, seconds);
  } catch (error) {
    // Where the stage is gone, the next capture says so.
    if (!isErrno(error, "ENOENT", "EROFS", "EIO", "ESTALE")) throw error;
  }
}

function mtimeOf(fs: Filesystem, path: Bytes): bigint | undefined {
  try {
    return fs.lstat(path).mtimeNs;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Whether the stage's own filesystem does a thing: tried on its marker, so that the live tree is not touched. */
function works(fs: Filesystem, attempt: () => void, made: Bytes): boolean {
  try {
    attempt();
  } catch (error) {
    if (isNoSpace(error)) throw fullDisk(made, error);
    // A refused reflink leaves its empty target behind on some filesystems.
    ignoreMissing(() => fs.unlink(made));
    return false;
  }
  fs.unlink(made);
  return true;
}

function ignoreMissing(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

/** The mount that an open file is on. Links fail between bind mounts of one filesystem too, which `dev` cannot tell. */
function mountOf(fs: Filesystem, fd: number, stat: Stat): string {
  try {
    const info = fs.openRead(`/proc/self/fdinfo/${fd}` as Bytes);
    try {
      const buffer = Buffer.alloc(4096);
      const text = buffer.toString("latin1", 0, fs.read(info, buffer, 0, buffer.length, 0));
      const id = /^mnt_id:\s*(\d+)$/m.exec(text)?.[1];
      if (id !== undefined) return `${stat.dev}/${id}`;
    } finally {
      fs.close(info);
    }
  } catch (error) {
    if (!isErrno(error, "ENOENT", "EACCES", "EPERM")) throw error;
  }
  return String(stat.dev);
}

function makeParents(fs: Filesystem, path: Bytes): void {
  try {
    fs.mkdir(path, 0o700);
  } catch (error) {
    if (isErrno(error, "EEXIST")) return;
    if (!isErrno(error, "ENOENT") || parentOf(path) === "") throw error;
    makeParents(fs, parentOf(path));
    fs.mkdir(path, 0o700);
  }
}

function writeMarker(fs: Filesystem, path: Bytes, owner: Owner): void {
  const fd = fs.create(path, 0o600);
  try {
    fs.write(fd, Buffer.from(JSON.stringify(owner)));
  } finally {
    fs.close(fd);
  }
}

function fullDisk(path: Bytes, cause: unknown): HoldstillError {
  return new HoldstillError("no-space", "no space is left for the stage", {
    path: textOf(path),
    hint: "Free some space on the source's filesystem.",
    cause,
  });
}
