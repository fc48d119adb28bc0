import { posix } from "node:path";
import { bytesOf, nameOf, parentOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { looking } from "../profile/discover.js";
import { locate } from "../profile/location.js";
import type { CreateOptions } from "../prepare.js";
import type { Surroundings } from "../surroundings.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import type { Link, Move } from "./journal.js";
import { isWithin } from "./mounts.js";

type Around = Pick<Surroundings, "fs" | "env" | "homedir" | "cwd">;

/** Nobody makes chains that are longer. */
const MOST = 40;

/**
 * The symbolic links by which the sources are reached, for a command may put something else in their place. Those that
 * lie in a source go back with it.
 */
export function linksTo(options: Pick<CreateOptions, "sources" | "profile">, around: Around, roots: readonly Bytes[]) {
  const links = new Map<Bytes, Link>();
  for (const path of namedPaths(options, around)) {
    for (const link of chainFrom(around.fs, path)) {
      if (!roots.some((root) => isWithin(link.path, root))) links.set(link.path, link);
    }
  }
  return [...links.values()];
}

/** The sources as they were named. */
function namedPaths({ sources, profile }: Pick<CreateOptions, "sources" | "profile">, around: Around): Bytes[] {
  const given = (sources ?? []).map((source) => posix.resolve(around.cwd, source));
  const [state] = given;
  if (profile === "directory" || (profile === undefined && state !== undefined)) return given.map(bytesOf);
  const env = state === undefined ? around.env : { ...around.env, OPENCLAW_STATE_DIR: state };
  const { stateDir, configPath, oauthDir } = locate({ ...around, env }, looking(around.fs));
  return [stateDir, configPath, oauthDir].map(bytesOf);
}

function chainFrom(fs: Filesystem, path: Bytes): Link[] {
  const links: Link[] = [];
  for (let at = path; links.length < MOST;) {
    const target = targetAt(fs, at);
    if (target === undefined) break;
    const directory = fs.realpath(parentOf(at) || ("/" as Bytes));
    links.push({ path: under(directory, nameOf(at)), target });
    at = posix.resolve(directory, target) as Bytes;
  }
  return links;
}

/** Where a link points to; undefined where none is. */
function targetAt(fs: Filesystem, path: Bytes): Bytes | undefined {
  try {
    return fs.readlink(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EINVAL", "ELOOP", "EACCES", "ENAMETOOLONG")) throw error;
    return undefined;
  }
}

/**
 * Where a path leads now. A link that leads to nothing is followed too: what it led to may be what is lost.
 * @returns the path itself where its links go in a circle
 */
export function leadsTo(fs: Filesystem, path: Bytes): Bytes {
  let at = path;
  for (let followed = 0; followed < MOST; followed++) {
    const directory = resolved(fs, parentOf(at) || ("/" as Bytes));
    const target = targetAt(fs, at);
    if (target === undefined) return under(directory, nameOf(at));
    at = posix.resolve(directory, target) as Bytes;
  }
  return path;
}

/** The path with its links resolved, as far as it exists. */
function resolved(fs: Filesystem, path: Bytes): Bytes {
  try {
    return fs.realpath(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES") || parentOf(path) === "") return path;
    return under(resolved(fs, parentOf(path)), nameOf(path));
  }
}

/** Where what took the place of a link goes. */
export function failedLink({ path }: Link, id: string): Bytes {
  return `${path}.failed-${id}` as Bytes;
}

/** Makes those links anew, beside their places, that are not what they were; returns the renames that put them back. */
export function renewed(fs: Filesystem, links: readonly Link[], id: string): Move[] {
  return links
    .filter(({ path, target }) => targetAt(fs, path) !== target)
    .flatMap((link): Move[] => {
      const { path, target } = link;
      const fresh = `${path}.restored-${id}` as Bytes;
      const failed = failedLink(link, id);
      unlinkIfThere(fs, fresh);
      fs.symlink(target, fresh);
      return [
        { kind: "aside", from: path, to: failed },
        { kind: "in", from: fresh, to: path, aside: failed },
      ];
    });
}
