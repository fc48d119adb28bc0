import { textOf, type Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import { isWithin, locate, mountsOf, type Location, type Mount } from "./mounts.js";
import { processes, readProc, unlessHidden } from "./proc.js";

/** A process that has something of the state open. */
export interface Holder {
  readonly pid: number;
  readonly name: string;
  /** One of the paths that it holds, as it knows it. */
  readonly path: string;
}

const LONGEST_NAME = 80;
const DELETED = / \(deleted\)$/;
/** `address permissions offset device inode path`, of a mapped file. */
const MAPPED = /^\S+ \S+ \S+ \S+ \d+ +(\/.*)$/gm;

/**
 * Finds the processes that hold something below these directories: open files, mapped files, working directories. Paths
 * are compared as places in their filesystems, so that a process in a container is found too. Another user's processes
 * are seen by root only.
 * @param self is no holder itself, nor are the working directories of those who wait for it
 */
export function holders(fs: Filesystem, directories: readonly Bytes[], self: number): Holder[] {
  const own = mountsOf(fs, self);
  const ownNamespace = namespaceOf(fs, self);
  const places = directories.flatMap((path) => locate(own, path) ?? []);
  const waiting = ancestors(fs, self);
  const isHeldHere = holding(places, own);
  const found: Holder[] = [];
  for (const pid of processes(fs)) {
    if (pid === self) continue;
    const isHeld = namespaceOf(fs, pid) === ownNamespace ? isHeldHere : holding(places, mountsOf(fs, pid));
    const held = pathsHeld(fs, pid, !waiting.has(pid)).find(isHeld);
    if (held !== undefined) found.push({ pid, name: nameOfProcess(fs, pid), path: textOf(held) });
  }
  return found;
}

/** Whether a path lies in one of the places. Most processes have the same libraries open. */
function holding(places: readonly Location[], mounts: readonly Mount[]): (path: Bytes) => boolean {
  const known = new Map<Bytes, boolean>();
  return (path) => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const at = locate(mounts, path);
    const answer = places.some((place) => place.device === at?.device && isWithin(at.path, place.path));
    known.set(path, answer);
    return answer;
  };
}

function pathsHeld(fs: Filesystem, pid: number, withDirectory: boolean): Bytes[] {
  const descriptors = `/proc/${pid}/fd`;
  const names = unlessHidden(() => fs.list(descriptors as Bytes)) ?? [];
  const links = names.map(({ name }) => `${descriptors}/${name}`);
  if (withDirectory) links.push(`/proc/${pid}/cwd`);
  const open = links.flatMap((link) => unlessHidden(() => fs.readlink(link as Bytes)) ?? []);
  const mapped = [...(readProc(fs, `/proc/${pid}/maps`) ?? "").matchAll(MAPPED)].map(([, path = ""]) => path);
  return [...open, ...mapped].filter((path) => path.startsWith("/")).map((path) => path.replace(DELETED, "") as Bytes);
}

function namespaceOf(fs: Filesystem, pid: number): Bytes | undefined {
  return unlessHidden(() => fs.readlink(`/proc/${pid}/ns/mnt` as Bytes));
}

function ancestors(fs: Filesystem, pid: number): Set<number> {
  const found = new Set<number>();
  for (let each = parentOf(fs, pid); each > 0 && !found.has(each); each = parentOf(fs, each)) found.add(each);
  return found;
}

function parentOf(fs: Filesystem, pid: number): number {
  return Number(/^PPid:\s*(\d+)$/m.exec(readProc(fs, `/proc/${pid}/status`) ?? "")?.[1] ?? 0);
}

/** Of its command line what a person knows it by. */
export function nameOfProcess(fs: Filesystem, pid: number): string {
  const line = readProc(fs, `/proc/${pid}/cmdline`)?.replaceAll("\0", " ").trim();
  const name = line === undefined || line === "" ? readProc(fs, `/proc/${pid}/comm`)?.trim() : line;
  return textOf((name ?? "?").slice(0, LONGEST_NAME) as Bytes);
}
