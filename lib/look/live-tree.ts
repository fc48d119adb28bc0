import { createHash } from "node:crypto";
import { bytewise, nameOf, parentOf, under, type Bytes } from "../bytes.js";
import { BROKEN, HoldstillError, isErrno } from "../errors.js";
import type { Filesystem, Stat } from "../filesystem.js";
import { descent, hasDescriptorPaths, type Descent } from "../stage/descent.js";
import { STAGE_PREFIX } from "../stage/leftovers.js";
import { traverse } from "../stage/traverse.js";

const CHUNK = 1 << 20;
const ROOT = "." as Bytes;

/** A path that was there when its directory was listed. */
export interface LivePath {
  readonly key: Bytes;
  readonly source: number;
  /** Below the source. */
  readonly path: Bytes;
}

export interface LiveTree {
  /** In bytewise order of their keys: each has the absolute path. */
  readonly paths: readonly LivePath[];
  /** The keys of directories that may not be listed. */
  readonly closed: ReadonlySet<Bytes>;
  /** What is there now; undefined where it has vanished, `closed` where one may not look. */
  readonly look: (live: LivePath) => LiveLook | "closed" | undefined;
  readonly close: () => void;
}

export interface LiveLook {
  readonly stat: Stat;
  /** Of a symbolic link. */
  readonly target: Bytes | undefined;
  /** Whether the file begins with so many bytes that have this digest; undefined where it has vanished. */
  readonly beginsWith: (size: number, sha256: string) => Promise<boolean | "closed" | undefined>;
}

/**
 * Lists the sources of an archive as they are now, without following links.
 * @param isExcluded tells by its absolute path what need not be listed
 */
export async function liveTree(
  fs: Filesystem,
  sources: readonly Bytes[],
  signal: AbortSignal,
  isExcluded: (key: Bytes) => boolean,
): Promise<LiveTree> {
  const paths: LivePath[] = [];
  const closed = new Set<Bytes>();
  const roots = sources.map((root) => rootOf(fs, root));
  for (const [source, root] of sources.entries()) {
    const type = roots[source]?.type;
    if (type === undefined) continue;
    const keyOf = (path: Bytes): Bytes => under(root, path).replace(/\/$/, "") as Bytes;
    const add = (path: Bytes): void => void paths.push({ key: keyOf(path), source, path });
    const selection = {
      ofListed: () => undefined,
      ofName: (path: Bytes) =>
        isExcluded(keyOf(path)) || nameOf(path).startsWith(STAGE_PREFIX) ? "excluded" : undefined,
    };
    await traverse(fs, { path: root, type, selection }, signal, {
      ...{ file: add, directory: add, other: add },
      closed(path) {
        closed.add(keyOf(path));
        add(path);
      },
    });
  }
  paths.sort((a, b) => bytewise(a.key, b.key));
  return {
    paths,
    closed,
    look: (live) => roots[live.source]?.look(live.path),
    close: () => roots.forEach((root) => root.close()),
  };
}

interface Root {
  readonly type: "file" | "directory" | undefined;
  readonly look: (path: Bytes) => LiveLook | "closed" | undefined;
  readonly close: () => void;
}

/** A source that is not there has nothing below it. */
function rootOf(fs: Filesystem, root: Bytes): Root {
  const type = typeOf(fs, root);
  if (type === undefined) return { type, look: () => undefined, close: () => undefined };
  let down: Descent | undefined;
  const placeOf = (path: Bytes): Bytes => {
    down ??= descent(fs, type === "file" ? parentOf(root) : root, hasDescriptorPaths(fs));
    if (path !== ROOT) return `${down.enter(parentOf(path)).base}/${nameOf(path)}` as Bytes;
    const { base } = down.enter(ROOT);
    return type === "file" ? (`${base}/${nameOf(root)}` as Bytes) : (`${base}/.` as Bytes);
  };
  return {
    type,
    look: (path) => tolerant(() => lookAt(fs, placeOf(path))),
    close: () => down?.close(),
  };
}

function typeOf(fs: Filesystem, root: Bytes): Root["type"] {
  try {
    const { kind } = fs.lstat(root);
    return kind === "file" || kind === "directory" ? kind : undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** What vanishes meanwhile is not there. */
function tolerant<T>(look: () => T): T | "closed" | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ESTALE", "EINVAL")) return undefined;
    if (isErrno(error, "EACCES", "EPERM")) return "closed";
    if (error instanceof HoldstillError && error.code === "source-missing") return undefined;
    throw error;
  }
}

function lookAt(fs: Filesystem, place: Bytes): LiveLook {
  const stat = fs.lstat(place);
  const target = stat.kind === "symlink" ? fs.readlink(place) : undefined;
  return { stat, target, beginsWith: (size, sha256) => beginsWith(fs, place, size, sha256) };
}

async function beginsWith(
  fs: Filesystem,
  place: Bytes,
  size: number,
  sha256: string,
): Promise<boolean | "closed" | undefined> {
  const fd = tolerant(() => fs.openRead(place));
  if (typeof fd !== "number") return fd;
  try {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(size, 1)));
    for (let position = 0; position < size;) {
      const read = await fs.readAsync(fd, buffer, 0, Math.min(buffer.length, size - position), position);
      if (read === 0) return false;
      position += read;
      hash.update(buffer.subarray(0, read));
    }
    return hash.digest("hex") === sha256;
  } catch (error) {
    if (!isErrno(error, ...BROKEN, "EISDIR")) throw error;
    return "closed";
  } finally {
    fs.close(fd);
  }
}
