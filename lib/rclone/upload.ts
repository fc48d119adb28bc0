import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { textOf, type Bytes } from "../bytes.js";
import { drained, type Engine } from "../engine/run.js";
import { HoldstillError } from "../errors.js";
import { fileDigest } from "../file-digest.js";
import { stoppable } from "../filesystem.js";
import type { Delivered } from "../report/create-report.js";
import { fileAt, type RemoteFile } from "./listing.js";
import { askRclone, at, copyFile, type EngineNeeds } from "./run.js";

/** The digests that remotes have, the best first. */
const ALGORITHMS = ["sha256", "sha1", "md5"] as const;

export type ComparedBy = Delivered["compared"];

export interface UploadedFile {
  readonly path: Bytes;
  readonly size: number;
  /** As it is to be called in the end. */
  readonly name: string;
  /** And until then. */
  readonly partial: string;
}

/**
 * Uploads a file under a temporary name, compares size and digest with what the remote reports, and only then gives it
 * its name. Where the remote has no digests, the file is read back. One that is there by its name already is not
 * uploaded again.
 * @param beforeName called when the bytes are known to be there
 * @throws HoldstillError `verify-failed`, `output-exists` where another file has its name, and by what rclone says
 */
export async function upload(
  rclone: Engine,
  file: UploadedFile,
  around: EngineNeeds,
  beforeName: () => Promise<void>,
): Promise<ComparedBy> {
  const { path, name, partial } = file;
  const found = await fileAt(rclone, name, ALGORITHMS, around);
  if (found !== undefined) return sameAs(rclone, file, found, around);
  try {
    await copyFile(rclone, textOf(path), at(partial), around);
    const compared = await compare(rclone, file, await reported(rclone, partial, around), around);
    if (compared.differs !== undefined) throw failed(compared.differs);
    // An upload takes long, and nobody locks a remote.
    if ((await fileAt(rclone, name, ["md5"], around)) !== undefined) throw taken(name);
    await beforeName();
    await askRclone(rclone, ["moveto", at(partial), at(name)], drained, around);
    const { size } = await reported(rclone, name, around);
    if (size !== file.size) throw failed(otherSize(file, size));
    return compared.by;
  } catch (error) {
    if (!around.signal.aborted) await removeQuietly(rclone, partial, around);
    throw error;
  }
}

/** Removes a file that may be gone already. */
export async function removeFile(rclone: Engine, name: string, around: EngineNeeds): Promise<void> {
  await askRclone(rclone, ["deletefile", at(name)], drained, around);
}

/** What cannot be removed now, the next run removes. */
async function removeQuietly(rclone: Engine, name: string, around: EngineNeeds): Promise<void> {
  try {
    await removeFile(rclone, name, around);
  } catch (error) {
    if (!(error instanceof HoldstillError)) throw error;
  }
}

async function sameAs(rclone: Engine, file: UploadedFile, found: RemoteFile, around: EngineNeeds): Promise<ComparedBy> {
  const { by, differs } = await compare(rclone, file, found, around);
  if (differs !== undefined) throw taken(file.name);
  return by;
}

function taken(name: string): HoldstillError {
  return new HoldstillError("output-exists", `the remote has another file ${name}, and nothing is overwritten`, {
    hint: "Move it away, or give the archive another name.",
  });
}

async function reported(rclone: Engine, name: string, around: EngineNeeds): Promise<RemoteFile> {
  const found = await fileAt(rclone, name, ALGORITHMS, around);
  if (found === undefined) throw failed(`the remote does not have ${name} after its upload`);
  return found;
}

interface Comparison {
  readonly by: ComparedBy;
  /** In what the two are not the same; undefined where they are. */
  readonly differs: string | undefined;
}

async function compare(
  rclone: Engine,
  file: UploadedFile,
  found: RemoteFile,
  around: EngineNeeds,
): Promise<Comparison> {
  const algorithm = ALGORITHMS.find((each) => (found.hashes[each] ?? "") !== "");
  const by = algorithm ?? "reading back";
  if (found.size !== file.size) return { by, differs: otherSize(file, found.size) };
  const mine = await fileDigest(stoppable(around.fs, around.signal), file.path, algorithm);
  const theirs = algorithm === undefined ? await readBack(rclone, found.name, around) : found.hashes[algorithm];
  const differs = mine === theirs ? undefined : `the ${algorithm ?? "sha256"} of ${file.name} is another on the remote`;
  return { by, differs };
}

function otherSize({ name, size }: UploadedFile, found: number): string {
  return `${name} has ${size} bytes, and ${found} on the remote`;
}

async function readBack(rclone: Engine, name: string, around: EngineNeeds): Promise<string | undefined> {
  const take = async (stdout: Readable): Promise<string> => {
    const hash = createHash("sha256");
    for await (const chunk of stdout) hash.update(chunk as Buffer);
    return hash.digest("hex");
  };
  return askRclone(rclone, ["cat", at(name)], take, around);
}

function failed(what: string): HoldstillError {
  return new HoldstillError("verify-failed", `the upload did not verify: ${what}`, {
    hint: "Nothing has its final name there. If it happens again, suspect the remote.",
  });
}
