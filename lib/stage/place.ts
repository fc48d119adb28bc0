import { bytesOf, parentOf, textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno, isNoSpace } from "../errors.js";
import type { Filesystem, Stat } from "../filesystem.js";
import { statIfThere } from "../stat-if-there.js";
import type { Owner } from "../vault/owner.js";
import { writeAll } from "../write-all.js";
import { hasDescriptorPaths, openRoot, pathOfDescriptor } from "./descent.js";
import { isSame, MARKER, STAGE_PREFIX, removeOpen } from "./leftovers.js";
import { keepingMtime, maySetTimes, restoreMtime } from "./mtime.js";
import { spaceGuard, type SpaceGuard } from "./space.js";
import { stageParents, type Surrounded } from "./stage-parents.js";

const HEARTBEAT_MS = 60_000;

/** Captured files a directory: so many names fit into one block, and another is added in two thirds of the time. */
const TOGETHER = 128;

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
  /** What the root's mtime, read just now, would be without the stage. */
  readonly rootMtime: (mtimeNs: bigint) => bigint;
  /** The path for one more captured file. */
  readonly next: () => Bytes;
  /** The path of a captured file for another process of ours. */
  readonly forChild: (staged: Bytes) => Bytes;
  /** Throws where the stage is no longer there: then nothing in it may count as merely vanished. */
  readonly assertPresent: () => void;
  /** What it means that something that was captured is not in it any more. */
  readonly missing: (cause: unknown) => HoldstillError;
  /** Removes it and puts back the root's mtime; a second call does nothing. */
  readonly remove: () => void;
}

/**
 * Makes the stage of a root: beside it where both are on one mount, else inside it, else in the cache directory.
 * @param name what it is to be called, where it has to have the same path in every run
 * @throws HoldstillError `output-unusable` where none of these can be written, `no-space` where the disk is full,
 * `locked` where there is a stage of that name
 */
export function placeStage(fs: Filesystem, where: Surrounded, owner: Owner, name?: Bytes): Stage {
  const { root } = where;
  const rootFd = openRoot(fs, root);
  try {
    const rootStat = fs.fstat(rootFd);
    const rootMount = mountOf(fs, rootFd, rootStat);
    const refusals: string[] = [];
    for (const { path: parent, placement } of stageParents(where)) {
      if (placement === "inside" && !maySetTimes(fs, rootStat)) {
        refusals.push(`${textOf(parent)} (another user's: its time could not be put back)`);
        continue;
      }
      try {
        const made = tryPlace(fs, parent, placement, owner, rootMount);
        if (typeof made === "object") {
          return stageIn(fs, name === undefined ? made : named(fs, made, parent, name), root, rootStat, owner);
        }
        refusals.push(made);
      } catch (error) {
        if (placement === "inside" && statIfThere(fs, root)?.mtimeNs !== rootStat.mtimeNs)
          restoreMtime(fs, root, rootStat.mtimeNs);
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
  /** A name that no other stage ever has. */
  readonly unique: Bytes;
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
    const base = hasDescriptorPaths(fs) ? pathOfDescriptor(fd) : path;
    // Whoever owns the parent may have put another directory there.
    if (fs.list(base).length > 0) {
      fs.close(fd);
      fd = undefined;
      throw replaced(path);
    }
    if (stat.mode !== 0o700) fs.fchmod(fd, 0o700);
    const marker = `${base}/${MARKER}` as Bytes;
    const probe = `${base}/probe` as Bytes;
    writeMarker(fs, marker, owner);
    return {
      ...{ path, unique: path, fd, base, placement },
      clones: sameMount && works(fs, () => fs.reflink(marker, probe), probe),
      links: sameMount && works(fs, () => fs.link(marker, probe), probe),
      coarseClock: fs.lstat(marker).mtimeNs % 1_000_000_000n === 0n,
    };
  } catch (error) {
    discard(fs, fd, path);
    if (isErrno(error, "EIO"))
      throw new HoldstillError("io", "the stage cannot be made", { path: textOf(path), cause: error });
    throw isNoSpace(error) ? fullDisk(path, error) : error;
  }
}

/** For a stage that could not be made. What is at its path, and was not opened, is not to be emptied. */
function discard(fs: Filesystem, fd: number | undefined, path: Bytes): void {
  try {
    if (fd === undefined) fs.rmdir(path);
    else removeOpen(fs, fd, path);
  } catch (error) {
    if (fd !== undefined || !isErrno(error, "ENOENT", "ENOTEMPTY", "ENOTDIR")) throw error;
  } finally {
    if (fd !== undefined) fs.close(fd);
  }
}

/** Gives a stage its name, which is taken as long as there is anything in a directory of that name. */
function named(fs: Filesystem, made: Made, parent: Bytes, name: Bytes): Made {
  const path = under(parent, name);
  try {
    fs.rename(made.path, path);
    return { ...made, path };
  } catch (error) {
    discard(fs, made.fd, made.path);
    if (!isErrno(error, "ENOTEMPTY", "EEXIST")) throw error;
    throw new HoldstillError("locked", "another run has these sources in its stage", {
      path: textOf(path),
      hint: "Wait for it with --wait.",
      cause: error,
    });
  }
}

/**
 * Takes its lasting name from a stage that is to be removed: as soon as nothing is left under it, it is the next run's.
 */
function unnamed(fs: Filesystem, made: Made, root: Bytes, rootMtime: Stage["rootMtime"]): Bytes {
  const { path, unique, fd, placement } = made;
  const there = statIfThere(fs, path);
  if (path === unique || there === undefined || !isSame(there, fs.fstat(fd))) return unique;
  const rename = (): void => fs.rename(path, unique);
  if (placement === "inside") keepingMtime(fs, root, rename, rootMtime);
  else rename();
  return unique;
}

function stageIn(fs: Filesystem, made: Made, root: Bytes, rootStat: Stat, owner: Owner): Stage {
  const { path, fd, base, placement, clones, links, coarseClock } = made;
  // What the root's mtime became by the stage alone; when it is another later, the live program has moved it.
  const madeMtime = placement === "inside" ? fs.lstat(root).mtimeNs : undefined;
  const rootMtime = (mtimeNs: bigint): bigint => (mtimeNs === madeMtime ? rootStat.mtimeNs : mtimeNs);
  const heartbeat = setInterval(() => touch(fs, `${base}/${MARKER}` as Bytes), HEARTBEAT_MS).unref();
  const missing = (cause?: unknown): HoldstillError =>
    new HoldstillError("io", "the stage was removed while it was in use", {
      ...{ path: textOf(path), cause },
      hint: "Keep cleaners away from directories named .holdstill-stage-*.",
    });
  const makeDirectory = (directory: Bytes): void => {
    try {
      fs.mkdir(directory, 0o700);
    } catch (error) {
      if (isErrno(error, "ENOENT")) throw missing(error);
      if (isNoSpace(error)) throw fullDisk(path, error);
      throw new HoldstillError("io", "the stage cannot be written", { path: textOf(path), cause: error });
    }
  };
  let count = 0;
  let directory = base;
  let removed = false;
  return {
    ...{ path, base, placement, clones, links, coarseClock },
    space: spaceGuard(fs, { path, base }),
    rootMtime,
    next() {
      const at = count % TOGETHER;
      if (at === 0) {
        directory = `${base}/${count / TOGETHER}` as Bytes;
        makeDirectory(directory);
      }
      count++;
      return `${directory}/${at}` as Bytes;
    },
    forChild: (staged) => (base === path ? staged : `/proc/${owner.pid}/fd/${fd}${staged.slice(base.length)}`) as Bytes,
    assertPresent() {
      if (fs.fstat(fd).nlink === 0) throw missing();
    },
    missing,
    remove() {
      if (removed) return;
      removed = true;
      clearInterval(heartbeat);
      const own = unnamed(fs, made, root, rootMtime);
      if (placement === "inside") removeOpen(fs, fd, own, (rmdir) => keepingMtime(fs, root, rmdir, rootMtime));
      else removeOpen(fs, fd, own);
      fs.close(fd);
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

/** Whether the stage's own filesystem does a thing: tried on its marker, so that the live tree is not touched. */
function works(fs: Filesystem, attempt: () => void, made: Bytes): boolean {
  try {
    attempt();
  } catch (error) {
    if (isNoSpace(error) || isErrno(error, "EIO", "EMFILE", "ENFILE")) throw error;
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
    writeAll(fs, fd, Buffer.from(JSON.stringify(owner)));
  } finally {
    fs.close(fd);
  }
}

function replaced(path: Bytes): HoldstillError {
  return new HoldstillError("io", "something else was put in the place of the stage", {
    path: textOf(path),
    hint: "See who may write to the directory that it lies in.",
  });
}

function fullDisk(path: Bytes, cause: unknown): HoldstillError {
  return new HoldstillError("no-space", "no space is left for the stage", {
    path: textOf(path),
    hint: "Free some space on the source's filesystem.",
    cause,
  });
}
