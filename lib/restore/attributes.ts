import type { TarEntry } from "../archive/read.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";

export type Attributes = Pick<TarEntry, "mode" | "uid" | "gid" | "mtimeNs">;

/** What could not be given to files as the archive has it. */
export interface Withheld {
  /** Files and directories that had setuid or setgid. */
  setuid: number;
  /** Entries that belong to whoever restores them. */
  owners: number;
}

export interface AttributeSetter {
  /** For a file or a directory that is open. */
  readonly set: (fd: number, attributes: Attributes) => void;
  /** The same for a symbolic link, which has no mode. */
  readonly setLink: (path: Parameters<Filesystem["lchown"]>[0], attributes: Attributes) => void;
  readonly withheld: Readonly<Withheld>;
}

const SETUID_AND_SETGID = 0o6000;

/** The one above it stands for no change, and more than 32 bits the system does not take. */
const HIGHEST_ID = 0xfffffffe;

export function attributeSetter(
  fs: Filesystem,
  who: { readonly uid: number; readonly gid: number; readonly isRoot: boolean },
  keepSetuid: boolean,
): AttributeSetter {
  const withheld: Withheld = { setuid: 0, owners: 0 };

  const own = ({ uid, gid }: Attributes, chown: () => void): void => {
    if (uid === who.uid && gid === who.gid) return;
    if (!who.isRoot) {
      if (uid !== who.uid) withheld.owners++;
      return;
    }
    if (uid > HIGHEST_ID || gid > HIGHEST_ID) {
      withheld.owners++;
      return;
    }
    try {
      chown();
    } catch (error) {
      // Root in a namespace that does not know this user, or a disk without owners.
      if (!isErrno(error, "EPERM", "EINVAL", "ENOTSUP", "EOVERFLOW")) throw error;
      withheld.owners++;
    }
  };

  return {
    withheld,
    set(fd, attributes) {
      const { mode, uid, gid, mtimeNs } = attributes;
      own(attributes, () => fs.fchown(fd, uid, gid));
      const strips = !keepSetuid && (mode & SETUID_AND_SETGID) !== 0;
      if (strips) withheld.setuid++;
      // After the owner: a change of owner takes setuid away.
      fs.fchmod(fd, strips ? mode & ~SETUID_AND_SETGID : mode);
      const seconds = secondsOf(mtimeNs);
      fs.futimes(fd, seconds, seconds);
    },
    setLink(path, attributes) {
      own(attributes, () => fs.lchown(path, attributes.uid, attributes.gid));
      const seconds = secondsOf(attributes.mtimeNs);
      fs.lutimes(path, seconds, seconds);
    },
  };
}

/** Node rounds down to microseconds, and a double is not exact: aimed at the middle of the microsecond, it is right. */
export function secondsOf(ns: bigint): number {
  const whole = ns / 1000n - (ns % 1000n < 0n ? 1n : 0n);
  return (Number(whole) + 0.5) / 1e6;
}
