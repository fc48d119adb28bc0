import { constants, Dirent, type BigIntStats } from "node:fs";
import fs from "fs-extra";
import { isAscii, under, type Bytes } from "./bytes.js";
import { isErrno, isOfDisk } from "./errors.js";
import { withNamedErrors } from "./named-errors.js";

export type Kind = "file" | "directory" | "symlink" | "special" | "unknown";

/** A name in a directory, with the kind that the listing gave it: `unknown` where the filesystem does not say. */
export interface Listed {
  readonly name: Bytes;
  readonly kind: Kind;
}

/** What we use of `lstat` and `fstat`. Inode and device numbers fit a double on every filesystem that Linux has. */
export interface Stat {
  readonly kind: Kind;
  readonly dev: number;
  readonly ino: number;
  readonly nlink: number;
  /** Permission bits, setuid, setgid and sticky: the lower twelve. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly birthtimeNs: bigint;
}

export interface Space {
  /** Bytes of the whole filesystem, and of what an unprivileged user may still take of it. */
  readonly total: number;
  readonly available: number;
}

/**
 * Everything the program asks of a disk, by plain functions that fail with the errors of Node's `fs`.
 * Use cases take one as an argument, so that a spec can replace a single operation of the real disk.
 */
export interface Filesystem {
  readonly lstat: (path: Bytes) => Stat;
  readonly fstat: (fd: number) => Stat;
  readonly space: (path: Bytes) => Space;
  readonly realpath: (path: Bytes) => Bytes;
  readonly readlink: (path: Bytes) => Bytes;
  readonly list: (path: Bytes) => Listed[];
  /** Opens a directory and never a symbolic link to one. */
  readonly openDirectory: (path: Bytes) => number;
  /** Opens for reading; neither follows a symbolic link nor waits for a FIFO's other end. */
  readonly openRead: (path: Bytes) => number;
  /** From a position on; -1 is where the descriptor stands: a pipe has no other. */
  readonly read: (fd: number, buffer: Uint8Array, offset: number, length: number, position: number) => number;
  readonly readAsync: (
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ) => Promise<number>;
  readonly close: (fd: number) => void;
  /** Creates a file that must not exist and opens it for writing. */
  readonly create: (path: Bytes, mode: number) => number;
  /** Opens for writing at the end, whoever else writes there; creates what is not there. */
  readonly openAppend: (path: Bytes, mode: number) => number;
  readonly write: (fd: number, data: Uint8Array) => number;
  readonly writeAsync: (fd: number, data: Uint8Array) => Promise<number>;
  readonly sync: (fd: number) => Promise<void>;
  readonly link: (from: Bytes, to: Bytes) => void;
  /** Clones, or fails where the filesystem cannot. */
  readonly reflink: (from: Bytes, to: Bytes) => void;
  readonly rename: (from: Bytes, to: Bytes) => void;
  /** Fails where names in a directory cannot be changed. Says so without trying. */
  readonly assertWritable: (directory: Bytes) => void;
  readonly unlink: (path: Bytes) => void;
  readonly mkdir: (path: Bytes, mode: number) => void;
  readonly rmdir: (path: Bytes) => void;
  readonly chmod: (path: Bytes, mode: number) => void;
  /** Sets both times, in seconds; Node keeps microseconds. */
  readonly utimes: (path: Bytes, atime: number, mtime: number) => void;
  readonly symlink: (target: Bytes, path: Bytes) => void;
  /** The same of what a descriptor has open. */
  readonly fchmod: (fd: number, mode: number) => void;
  readonly fchown: (fd: number, uid: number, gid: number) => void;
  readonly futimes: (fd: number, atime: number, mtime: number) => void;
  /** The same of a symbolic link itself. */
  readonly lchown: (path: Bytes, uid: number, gid: number) => void;
  readonly lutimes: (path: Bytes, atime: number, mtime: number) => void;
  readonly truncate: (path: Bytes, size: number) => void;
}

/** What Node is to be given for a path: bytes, unless text says the same. */
function native(path: Bytes): string | Buffer {
  return isAscii(path) ? path : Buffer.from(path, "latin1");
}

const S_IFMT = 0o170000n;
const KINDS = new Map<bigint, Kind>([
  [0o100000n, "file"],
  [0o040000n, "directory"],
  [0o120000n, "symlink"],
]);

function statOf(stats: BigIntStats): Stat {
  return {
    kind: KINDS.get(stats.mode & S_IFMT) ?? "special",
    dev: Number(stats.dev),
    ino: Number(stats.ino),
    nlink: Number(stats.nlink),
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: Number(stats.size),
    mtimeNs: stats.mtimeNs,
    birthtimeNs: stats.birthtimeNs,
  };
}

function kindOf(entry: Dirent): Kind {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  if (entry.isSymbolicLink()) return "symlink";
  return "special";
}

/**
 * Where a filesystem tells no kinds Node looks at each name by itself, as if it were UTF-8: it fails for all where one has
 * vanished, and may look at another file.
 */
function isGuess(entry: Dirent): boolean {
  return entry.constructor !== Dirent && !isAscii(entry.name);
}

function kindAt(path: Bytes): Kind {
  try {
    return node.lstat(path).kind;
  } catch (error) {
    // Whoever takes that name meets the same, and knows what it means.
    if (isOfDisk(error)) return "unknown";
    throw error;
  }
}

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Of a number below zero Node makes the present; of a `Date`, to the millisecond, what it says. */
function time(seconds: number): number | Date {
  return seconds < 0 ? new Date(Math.floor(seconds * 1000)) : seconds;
}

/** Node tries again by itself what a signal has interrupted, except reading. */
const node: Filesystem = {
  lstat: (path) => statOf(fs.lstatSync(native(path), { bigint: true })),
  fstat: (fd) => statOf(fs.fstatSync(fd, { bigint: true })),
  space: (path) => {
    const { bsize, blocks, bavail } = fs.statfsSync(native(path));
    return { total: bsize * blocks, available: bsize * bavail };
  },
  realpath: (path) => fs.realpathSync.native(native(path), { encoding: "latin1" }) as Bytes,
  readlink: (path) => fs.readlinkSync(native(path), { encoding: "latin1" }) as Bytes,
  list: (path) => {
    try {
      const entries = fs.readdirSync(native(path), { encoding: "latin1", withFileTypes: true });
      if (!entries.some(isGuess)) return entries.map((entry) => ({ name: entry.name as Bytes, kind: kindOf(entry) }));
    } catch (error) {
      if (!(error instanceof Error && "syscall" in error && error.syscall === "lstat")) throw error;
    }
    const names = fs.readdirSync(native(path), { encoding: "latin1" }) as Bytes[];
    return names.map((name) => ({ name, kind: kindAt(under(path, name)) }));
  },
  openDirectory: (path) => fs.openSync(native(path), DIRECTORY),
  openRead: (path) => fs.openSync(native(path), READ),
  read(...args) {
    for (;;) {
      try {
        return fs.readSync(...args);
      } catch (error) {
        if (!isErrno(error, "EINTR")) throw error;
      }
    }
  },
  async readAsync(...args) {
    for (;;) {
      try {
        return (await fs.read(...args)).bytesRead;
      } catch (error) {
        if (!isErrno(error, "EINTR")) throw error;
      }
    }
  },
  close: (fd) => fs.closeSync(fd),
  create: (path, mode) => fs.openSync(native(path), CREATE, mode),
  openAppend: (path, mode) => fs.openSync(native(path), APPEND, mode),
  write: (fd, data) => fs.writeSync(fd, data),
  writeAsync: async (fd, data) => (await fs.write(fd, data)).bytesWritten,
  sync: (fd) => fs.fsync(fd),
  link: (from, to) => fs.linkSync(native(from), native(to)),
  reflink: (from, to) =>
    fs.copyFileSync(native(from), native(to), constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL),
  assertWritable: (directory) => fs.accessSync(native(directory), constants.W_OK | constants.X_OK),
  rename: (from, to) => fs.renameSync(native(from), native(to)),
  unlink: (path) => fs.unlinkSync(native(path)),
  mkdir: (path, mode) => void fs.mkdirSync(native(path), { mode }),
  rmdir: (path) => fs.rmdirSync(native(path)),
  chmod: (path, mode) => fs.chmodSync(native(path), mode),
  utimes: (path, atime, mtime) => fs.utimesSync(native(path), time(atime), time(mtime)),
  symlink: (target, path) => fs.symlinkSync(native(target), native(path)),
  fchmod: (fd, mode) => fs.fchmodSync(fd, mode),
  fchown: (fd, uid, gid) => fs.fchownSync(fd, uid, gid),
  futimes: (fd, atime, mtime) => fs.futimesSync(fd, time(atime), time(mtime)),
  lchown: (path, uid, gid) => fs.lchownSync(native(path), uid, gid),
  lutimes: (path, atime, mtime) => fs.lutimesSync(native(path), time(atime), time(mtime)),
  truncate: (path, size) => fs.truncateSync(native(path), size),
};

/** The real disk. */
export const disk: Filesystem = withNamedErrors(node);

/** The same disk, on which reading goes no further once the signal is aborted: large files take long. */
export function stoppable(fs: Filesystem, signal: AbortSignal): Filesystem {
  return {
    ...fs,
    async readAsync(...args) {
      signal.throwIfAborted();
      return fs.readAsync(...args);
    },
  };
}
