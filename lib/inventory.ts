import { findZstd } from "./archive/compress.js";
import { isArchiveName, isPartialName, isStampedName } from "./archive/name.js";
import { isEncrypted, makerOf } from "./archive/peek.js";
import { bytewise, exactTextOf, textOf, under, type Bytes } from "./bytes.js";
import { HoldstillError, type ErrorCode } from "./errors.js";
import { readFacts, summarisedFacts, type Facts } from "./facts.js";
import type { Kind, Stat } from "./filesystem.js";
import type { ReadNeeds } from "./read-archive.js";
import { statIfThere } from "./stat-if-there.js";
import { hasCopy, readSummary } from "./vault/catalog.js";

/** An archive that holdstill made. */
export interface OwnArchive extends Facts {
  readonly status: "own";
  readonly path: Bytes;
  readonly name: string;
  /** As it was when it was looked at. */
  readonly stat: Stat;
}

/** Something else in an archive directory, with the reason why it is not an archive of ours that can be used. */
export interface OtherFile {
  readonly status: "damaged" | "not-ours";
  readonly path: string;
  readonly reason: string;
}

/**
 * What lies in an archive directory, in the order of names. What begins like one of our archives, or has a copy of its
 * index or such a name, and cannot be read is damaged; what is none of these is not ours.
 */
export async function inventory(directory: Bytes, around: ReadNeeds): Promise<(OwnArchive | OtherFile)[]> {
  const found: (OwnArchive | OtherFile)[] = [];
  const listed = around.fs.list(directory).sort((a, b) => bytewise(a.name, b.name));
  for (const { name, kind } of listed) {
    around.signal.throwIfAborted();
    if (name === ".holdstill" || isPartialName(textOf(name))) continue;
    found.push(kind === "file" ? await identify(under(directory, name), name, around) : notOurs(directory, name, kind));
  }
  return found;
}

const KINDS: Readonly<Record<Exclude<Kind, "file">, string>> = {
  directory: "a directory",
  symlink: "a symbolic link",
  special: "a socket, FIFO or device",
  unknown: "of an unknown kind",
};

function notOurs(directory: Bytes, name: Bytes, kind: Exclude<Kind, "file">): OtherFile {
  return { status: "not-ours", path: textOf(under(directory, name)), reason: KINDS[kind] };
}

async function identify(path: Bytes, name: Bytes, around: ReadNeeds): Promise<OwnArchive | OtherFile> {
  const { fs, env } = around;
  const shown = textOf(path);
  const other = (status: OtherFile["status"], reason: string): OtherFile => ({ status, path: shown, reason });
  const stat = statOf(around, path);
  const text = exactTextOf(name);
  if (stat === undefined || text === undefined) return other("not-ours", "not a name or file of holdstill");
  const own = (facts: Facts): OwnArchive => ({ status: "own", path, name: text, stat, ...facts });
  const summary = readSummary(fs, path, stat);
  const noted = summary && summarisedFacts(summary);
  if (noted !== undefined && summary?.bad !== undefined) return other("damaged", summary.bad);
  if (noted !== undefined) return own(noted);
  if (isEncrypted(fs, path)) return other("not-ours", "encrypted, and what the catalog noted of it is missing");
  const maker = await makerOf(fs, path, findZstd(env["PATH"]));
  if (maker === "another") return other("not-ours", "an archive by another program");
  if (maker === undefined && hasCopy(fs, path))
    return other("damaged", "it does not begin as it did when it was written");
  if (maker === undefined && !(isStampedName(text) && isArchiveName(text))) return other("not-ours", "no archive");
  try {
    return own(await readFacts({ path, shown }, around));
  } catch (error) {
    if (!(error instanceof HoldstillError) || !UNREADABLE.includes(error.code)) throw error;
    return other("damaged", error.message);
  }
}

/** What an archive may be for that cannot be read; `usage` where it needs zstd, and there is none. */
const UNREADABLE: readonly ErrorCode[] = ["bad-archive", "no-archive", "usage", "io"];

/** Undefined where it is gone, or is not the file any more that was listed. */
function statOf({ fs }: ReadNeeds, path: Bytes): Stat | undefined {
  const stat = statIfThere(fs, path);
  return stat?.kind === "file" ? stat : undefined;
}
