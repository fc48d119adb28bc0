import { isPartialName } from "../archive/name.js";
import { bytesOf, parentOf, textOf, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem, Stat } from "../filesystem.js";
import { sizeText } from "../report/size.js";
import type { Surroundings } from "../surroundings.js";
import { findings, type Finding } from "./finding.js";

const found = findings("archives");

/** The archive directory: its mode, what lies in it, and whether the next archive, of so many bytes, fits. */
export function checkArchives(directory: string, bytes: number, { fs }: Pick<Surroundings, "fs">): Finding[] {
  const stat = statOf(fs, bytesOf(directory));
  if (stat === undefined) {
    const parent = nearestExisting(fs, bytesOf(directory));
    return [...writable(fs, directory, parent), room(fs, parent, bytes)];
  }
  if (stat.kind !== "directory") {
    return [found("bad", `${directory} is no directory`, "Move it away, or choose another --output.")];
  }
  const shared = [...mode(directory, stat), ...writable(fs, directory, bytesOf(directory))];
  return [...shared, ...partials(fs, directory), room(fs, bytesOf(directory), bytes)];
}

/** Tried where the directory is, or would be made. */
function writable(fs: Filesystem, directory: string, existing: Bytes): Finding[] {
  try {
    fs.assertWritable(existing);
    return [];
  } catch (error) {
    if (!isErrno(error, "EACCES", "EPERM", "EROFS")) throw error;
    const place = textOf(existing);
    const text =
      place === directory
        ? `${directory} cannot be written`
        : `${directory} cannot be made: ${place} cannot be written`;
    return [found("bad", `${text} (${String(error.code)})`, "See to its owner and mode, or choose another --output.")];
  }
}

function statOf(fs: Filesystem, path: Bytes): Stat | undefined {
  try {
    return fs.lstat(fs.realpath(path));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG")) return undefined;
    throw error;
  }
}

function nearestExisting(fs: Filesystem, path: Bytes): Bytes {
  const parent = parentOf(path);
  if (parent === "") return bytesOf("/");
  return statOf(fs, parent) === undefined ? nearestExisting(fs, parent) : parent;
}

function mode(directory: string, { mode: bits }: Stat): Finding[] {
  if ((bits & 0o077) === 0) return [found("ok", `${directory} is closed to other users`)];
  return [found("warn", `${directory} is open to other users, who see names of archives`, `chmod 700 ${directory}`)];
}

function partials(fs: Filesystem, directory: string): Finding[] {
  const count = fs.list(bytesOf(directory)).filter(({ name }) => isPartialName(textOf(name))).length;
  if (count === 0) return [];
  return [
    found(
      "info",
      `${directory}: ${count} unfinished, of a run at work or of one that was killed`,
      "The next backup removes what nobody works at.",
    ),
  ];
}

/** Twice, because the next may be larger. */
const ROOM = 2;

function room(fs: Filesystem, path: Bytes, size: number): Finding {
  const { available } = fs.space(path);
  const text = `${sizeText(available)} are free for archives; the next takes about ${sizeText(size)}`;
  if (available < size) return found("bad", text, "Free some space, prune old archives, or choose another --output.");
  if (available < size * ROOM) return found("warn", text, "Free some space, or prune old archives.");
  return found("ok", text);
}
