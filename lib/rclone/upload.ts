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
 * its name. Where the remote has no digests, the file is read back.
 * @param beforeName called when the bytes are known to be there
 * @throws HoldstillError `verify-failed`, `output-exists`, and by what rclone says
 */
export async function upload(
  rclone: Engine,
  file: UploadedFile,
  around: EngineNeeds,
  beforeName: () => Promise<void>,
): Promise<ComparedBy> {
  const { path, name, partial } = file;
  await assertAbsent(rclone, name, around);
  try {
    await copyFile(rclone, textOf(path), at(partial), around);
    const compared = await compare(rclone, file, await reported(rclone, partial, around), around);
    await beforeName();
    await askRclone(rclone, ["moveto", at(partial), at(name)], drained, around);
    assertSize(file, await reported(rclone, name, around));
    return compared;
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

async function assertAbsent(rclone: Engine, name: string, around: EngineNeeds): Promise<void> {
  if ((await fileAt(rclone, name, ["md5"], around)) === undefined) return;
  throw new HoldstillError("output-exists", `the remote has a file ${name} already, and nothing is overwritten`, {
    hint: "Move it away, or give the archive another name.",
  });
}

async function reported(rclone: Engine, name: string, around: EngineNeeds): Promise<RemoteFile> {
  const found = await fileAt(rclone, name, ALGORITHMS, around);
  if (found === undefined) throw failed(`the remote does not have ${name} after its upload`);
  return found;
}

function assertSize({ name, size }: UploadedFile, found: RemoteFile): void {
  if (found.size !== size) throw failed(`${name} has ${size} bytes, and ${found.size} on the remote`);
}

async function compare(
  rclone: Engine,
  file: UploadedFile,
  found: RemoteFile,
  around: EngineNeeds,
): Promise<ComparedBy> {
  assertSize(file, found);
  const algorithm = ALGORITHMS.find((each) => (found.hashes[each] ?? "") !== "");
  const mine = await fileDigest(stoppable(around.fs, around.signal), file.path, algorithm);
  const theirs = algorithm === undefined ? await readBack(rclone, found.name, around) : found.hashes[algorithm];
  if (mine !== theirs) throw failed(`the ${algorithm ?? "sha256"} of ${file.name} is another on the remote`);
  return algorithm ?? "reading back";
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
