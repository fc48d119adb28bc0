import { momentOfName } from "../archive/name.js";
import type { Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import { journals } from "./journal-file.js";
import { isUnfinished } from "./journal.js";

/** What is asked of an archive. */
interface Named {
  readonly name: string;
  /** Milliseconds of the epoch. */
  readonly createdMs: number;
}

/**
 * Which archives of a directory are needed to go back with: those of guarded commands that are not finished. Where the
 * snapshot is being taken its name is not known yet, and it may be any that was made since.
 * @throws HoldstillError `io` where a journal cannot be read: nobody knows then what it needs
 */
export function neededArchives(fs: Filesystem, archives: Bytes): (archive: Named) => boolean {
  const unfinished = journals(fs, archives).filter(isUnfinished);
  return ({ name, createdMs }) =>
    unfinished.some(({ id, archive }) =>
      archive === "" ? createdMs >= (momentOfName(id) ?? 0) : archive.slice(archive.lastIndexOf("/") + 1) === name,
    );
}
