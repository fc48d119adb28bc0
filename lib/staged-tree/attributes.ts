import type { Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";

export interface Attributes {
  readonly type: "file" | "directory" | "symlink";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
}

const WITHOUT_SETID = 0o1777;

/** Node drops what is below a microsecond of a double, which may be so much less than the time that was meant. */
const UPWARDS = 2.5e-7;

/**
 * Gives a private file, directory or symbolic link the owner, mode and mtime (to the microsecond) of what it stands
 * for. Where the owner has to remain ourselves, it keeps what lets us read it, and is neither setuid nor setgid.
 */
export function giveAttributes(fs: Filesystem, path: Bytes, { type, mode, uid, gid, mtimeNs }: Attributes): void {
  const ours = !chowned(fs, path, uid, gid);
  if (type !== "symlink") fs.chmod(path, ours ? (mode & WITHOUT_SETID) | (type === "directory" ? 0o700 : 0o400) : mode);
  const seconds = Number(mtimeNs / 1000n) / 1e6 + UPWARDS;
  fs.lutimes(path, seconds, seconds);
}

function chowned(fs: Filesystem, path: Bytes, uid: number, gid: number): boolean {
  try {
    fs.lchown(path, uid, gid);
    return true;
  } catch (error) {
    if (!isErrno(error, "EPERM", "EINVAL")) throw error;
    return false;
  }
}
