import { under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { ourUid } from "../our-uid.js";
import { readFull } from "../stage/quiet.js";
import { parseOwner, type Owner } from "../vault/owner.js";

/** The file that says, in a directory, that a restore into it has not come to its end. */
export const PARTIAL = ".holdstill-partial" as Bytes;

export interface PartialMark {
  readonly archive: string;
  /** What tells it from other archives: the digest of its index or, where it has none, its own. */
  readonly digest: string;
  readonly owner: Owner;
  /** Milliseconds of the epoch. */
  readonly touchedMs: number;
}

const LARGEST = 16 << 10;
const NOTE = "A restore into this directory has not come to its end. Run it again, or remove the directory.";

/** Writes the mark; returns whose it is. */
export function writeMark(
  fs: Filesystem,
  directory: Bytes,
  { archive, digest, owner }: Omit<PartialMark, "touchedMs">,
): { readonly uid: number; readonly gid: number } {
  const data = Buffer.from(`${JSON.stringify({ note: NOTE, archive, digest, owner })}\n`);
  const fd = fs.create(under(directory, PARTIAL), 0o600);
  try {
    for (let done = 0; done < data.length;) done += fs.write(fd, data.subarray(done));
    const { uid, gid } = fs.fstat(fd);
    return { uid, gid };
  } finally {
    fs.close(fd);
  }
}

/** The mark in a directory; undefined where it is none of ours, or none at all. */
export function readMark(fs: Filesystem, directory: Bytes): PartialMark | undefined {
  let fd: number;
  try {
    fd = fs.openRead(under(directory, PARTIAL));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ELOOP", "EACCES", "EPERM", "ENXIO")) return undefined;
    throw error;
  }
  try {
    const { kind, mode, uid, size, mtimeNs } = fs.fstat(fd);
    if (kind !== "file" || mode !== 0o600 || size > LARGEST || uid !== ourUid(fs)) return undefined;
    const buffer = Buffer.alloc(size);
    const mark = parse(buffer.toString("utf8", 0, readFull(fs, fd, buffer, 0)));
    return mark && { ...mark, touchedMs: Number(mtimeNs / 1_000_000n) };
  } finally {
    fs.close(fd);
  }
}

/** Whether the mark is empty: the run was ended, or its disk full, before it could write it. */
export function isCutMark(fs: Filesystem, directory: Bytes): boolean {
  try {
    const { kind, mode, uid, size } = fs.lstat(under(directory, PARTIAL));
    return kind === "file" && mode === 0o600 && size === 0 && uid === ourUid(fs);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

function parse(text: string): Omit<PartialMark, "touchedMs"> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { archive, digest, owner }: Partial<Record<string, unknown>> = { ...value };
  const parsed = parseOwner(JSON.stringify(owner) ?? "");
  if (typeof archive !== "string" || typeof digest !== "string" || parsed === undefined) return undefined;
  return { archive, digest, owner: parsed };
}
