import { bytesOf, nameOf, textOf, under, type Bytes } from "../bytes.js";
import { isErrno, isNoSpace } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { makeDirectory } from "../vault/output.js";
import { syncDirectory } from "../vault/publish.js";
import { writeAll } from "../write-all.js";
import { isThere } from "./exchange.js";
import type { Journal } from "./journal.js";
import { parseJournal, printJournal } from "./journal-text.js";
import { readProc } from "./proc.js";

/** Room for a journal on a disk that a failed command has filled, in bytes. */
const RESERVE = 256 << 10;

/** Where an archive directory keeps its journals. */
export function journalDirectory(archives: Bytes): Bytes {
  return under(archives, bytesOf(".holdstill/guard"));
}

export function pathOfJournal(archives: Bytes, id: string): Bytes {
  return under(journalDirectory(archives), bytesOf(`${id}.json`));
}

function reserveOf(archives: Bytes): Bytes {
  return under(journalDirectory(archives), bytesOf("reserve"));
}

/** Takes the room that the journal may need when there is none, and removes what was begun of others by the dead. */
export async function reserve(fs: Filesystem, archives: Bytes): Promise<void> {
  const directory = journalDirectory(archives);
  makeDirectory(fs, directory);
  for (const name of listIfThere(fs, directory))
    if (name.endsWith(".json.new")) unlinkIfThere(fs, under(directory, name));
  unlinkIfThere(fs, reserveOf(archives));
  await writeSynced(fs, reserveOf(archives), Buffer.alloc(RESERVE, 1));
}

/** Makes a journal last before what it announces is done. */
export async function save(fs: Filesystem, archives: Bytes, journal: Journal): Promise<void> {
  const path = pathOfJournal(archives, journal.id);
  const fresh = `${path}.new` as Bytes;
  const data = Buffer.from(printJournal(journal));
  unlinkIfThere(fs, fresh);
  try {
    await writeSynced(fs, fresh, data);
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    unlinkIfThere(fs, fresh);
    unlinkIfThere(fs, reserveOf(archives));
    await writeSynced(fs, fresh, data);
  }
  fs.rename(fresh, path);
  await syncDirectory(fs, journalDirectory(archives));
}

/** All journals of an archive directory, the oldest first. */
export function journals(fs: Filesystem, archives: Bytes): Journal[] {
  const directory = journalDirectory(archives);
  const names = listIfThere(fs, directory).filter((name) => name.endsWith(".json"));
  return names.sort().map((name) => {
    const path = under(directory, name);
    return parseJournal(Buffer.from(readProc(fs, path) ?? "", "latin1").toString("utf8"), textOf(path));
  });
}

/** Forgets a journal, and with the last one the room for it. */
export async function forget(fs: Filesystem, archives: Bytes, id: string): Promise<void> {
  const path = pathOfJournal(archives, id);
  unlinkIfThere(fs, path);
  unlinkIfThere(fs, `${path}.new` as Bytes);
  const directory = journalDirectory(archives);
  if (isThere(fs, directory)) await syncDirectory(fs, directory);
}

export function dropReserve(fs: Filesystem, archives: Bytes): void {
  unlinkIfThere(fs, reserveOf(archives));
}

/** Makes a new file that lasts. */
export async function writeSynced(fs: Filesystem, path: Bytes, data: Uint8Array): Promise<void> {
  const fd = fs.create(path, 0o600);
  try {
    writeAll(fs, fd, data);
    await fs.sync(fd);
  } finally {
    fs.close(fd);
  }
}

function listIfThere(fs: Filesystem, path: Bytes): Bytes[] {
  try {
    return fs.list(path).map(({ name }) => nameOf(name));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}
