import type { TarEntry, TarVisitor } from "../archive/read.js";
import { nameOf, parentOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { looksLikeDatabase } from "../stage/database.js";
import { descentInto } from "../stage/descent.js";
import type { Attempts } from "./attempt.js";
import type { AttributeSetter, Attributes } from "./attributes.js";
import { copyOf } from "./copy-of.js";
import type { Directories } from "./directories.js";
import { leadsOut } from "./outward.js";
import type { RestoreCounts, RestorePlan } from "./plan.js";
import type { TreeSync } from "./sync.js";

/** A database that was written, and the attributes it is to have in the end. */
export interface WrittenDatabase {
  /** In the archive, and below the target. */
  readonly name: Bytes;
  readonly to: Bytes;
  readonly attributes: Attributes;
}

export interface EntryWriter extends Required<TarVisitor> {
  /** Symbolic links, which are made when all files are written: nothing can be written through one. */
  readonly makeLinks: () => void;
  readonly written: () => RestoreCounts;
  /** How many of the links lead out of the target. */
  readonly outwardLinks: () => number;
  readonly databases: readonly WrittenDatabase[];
  readonly close: () => void;
}

export interface Into {
  readonly target: Bytes;
  readonly directories: Directories;
  readonly attributes: AttributeSetter;
  readonly attempts: Attempts;
  readonly sync: Pick<TreeSync, "wrote">;
}

/** The beginning of a file in which its kind can be seen. */
const HEAD = 16;

/** Larger files are written while others can be heard; small ones are faster without. */
const SMALL = 1 << 20;

const FRESH = 0o600;

/** Deeper than any path that a program can name; in directories. */
const DEEPEST = 2048;

function isTooDeep(path: Bytes): boolean {
  return path.length > 2 * DEEPEST && path.split("/").length > DEEPEST;
}

/** Writes the entries of an archive as they come, where the plan says. */
export function entryWriter(fs: Filesystem, plan: RestorePlan, into: Into): EntryWriter {
  const { directories, attributes, attempts } = into;
  const counts = { files: 0, directories: 0, symlinks: 0, hardlinks: 0, bytes: 0 };
  const databases: WrittenDatabase[] = [];
  const symlinks: { readonly to: Bytes; readonly entry: TarEntry }[] = [];
  /** Where the files that hard links repeat are, by their names in the archive. */
  const first = new Map<Bytes, Bytes>();
  /** Its own way down, since the new name's directory has to stay open beside the old one's. */
  const oldNames = descentInto(fs, into.target);
  let open: { readonly entry: TarEntry; readonly to: Bytes; readonly fd: number } | undefined;
  let head: Buffer = Buffer.alloc(0);
  let outward = 0;

  const pathOf = (to: Bytes): Bytes => `${directories.above(to)}/${nameOf(to)}` as Bytes;

  const abandon = (error: unknown): void => {
    if (open === undefined) throw error;
    const { to, fd } = open;
    open = undefined;
    fs.close(fd);
    attempts.note(to, error);
    fs.unlink(pathOf(to));
  };

  const write = async (fd: number, chunk: Buffer): Promise<void> => {
    try {
      for (let done = 0; done < chunk.length;) done += await fs.writeAsync(fd, chunk.subarray(done));
    } catch (error) {
      abandon(error);
    }
  };

  const linkTo = (to: Bytes, entry: TarEntry): void => {
    const file = plan.fileOf(entry.name);
    const old = file === undefined ? undefined : first.get(file);
    if (old === undefined) return attempts.refuse(to, "the file that it is another name of could not be restored");
    attempts.attempt(to, () => {
      const from = under(oldNames.enter(parentOf(old)).base, nameOf(old));
      const path = pathOf(to);
      try {
        fs.link(from, path);
        counts.hardlinks++;
      } catch (error) {
        if (!isErrno(error, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV")) throw error;
        copyOf(fs, from, path, (fd) => attributes.set(fd, entry));
        counts.files++;
        counts.bytes += fs.lstat(path).size;
      }
    });
  };

  return {
    databases,
    written: () => counts,
    outwardLinks: () => outward,
    entry(entry) {
      const { type, name } = entry;
      const to = plan.destinationOf(entry);
      if (to !== undefined && isTooDeep(to)) return attempts.refuse(to, "it lies deeper than 2,048 directories");
      if (type === "directory") {
        const place = plan.placeOf(name);
        if (place) directories.describe(place.to, entry);
        if (to !== undefined && attempts.attempt(to, () => directories.make(to))) counts.directories++;
      }
      if (to === undefined) return;
      if (type === "symlink") symlinks.push({ to, entry });
      if (type === "hardlink") linkTo(to, entry);
      if (type !== "file") return;
      head = Buffer.alloc(0);
      attempts.attempt(to, () => void (open = { entry, to, fd: fs.create(pathOf(to), FRESH) }));
    },
    data(chunk) {
      if (open === undefined) return undefined;
      const { fd, entry } = open;
      into.sync.wrote(chunk.length);
      if (head.length < HEAD) head = Buffer.concat([head, chunk.subarray(0, HEAD - head.length)]);
      if (entry.size > SMALL) return write(fd, chunk);
      try {
        for (let done = 0; done < chunk.length;) done += fs.write(fd, chunk.subarray(done));
      } catch (error) {
        abandon(error);
      }
      return undefined;
    },
    end() {
      if (open === undefined) return;
      const { entry, to, fd } = open;
      open = undefined;
      try {
        // What refuses a mode or an owner has its content all the same.
        attempts.attempt(to, () => attributes.set(fd, entry));
      } finally {
        fs.close(fd);
      }
      counts.files++;
      counts.bytes += entry.size;
      if (plan.isRepeated(entry.name)) first.set(entry.name, to);
      if (looksLikeDatabase(head, entry.size)) databases.push({ name: entry.name, to, attributes: entry });
    },
    makeLinks() {
      for (const { to, entry } of symlinks) {
        attempts.attempt(to, () => {
          const path = pathOf(to);
          fs.symlink(entry.linkname, path);
          counts.symlinks++;
          if (leadsOut(to, entry.linkname)) outward++;
          attributes.setLink(path, entry);
        });
      }
    },
    close() {
      if (open !== undefined) fs.close(open.fd);
      open = undefined;
      oldNames.close();
    },
  };
}
