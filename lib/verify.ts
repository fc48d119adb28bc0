import { resolve } from "node:path";
import { knowing, type Sealed } from "./age/sealed.js";
import { textOf, type Bytes } from "./bytes.js";
import { HoldstillError, isOfDisk } from "./errors.js";
import type { Filesystem } from "./filesystem.js";
import { blaming, checkFile, digestOf, findArchive, type ArchiveFile, type ReadNeeds } from "./read-archive.js";
import type { Counts } from "./report/counts.js";
import { failureOf } from "./report/failure.js";
import type { Surroundings } from "./surroundings.js";
import { noteVerified, recordedDigest } from "./vault/catalog.js";
import { databaseChecks, judgeDatabases, type DamagedDatabase, type DatabaseNeeds } from "./verify-databases.js";

interface FileReport {
  readonly archive: string;
  readonly ok: true;
  /** Of the archive itself, like the digest. */
  readonly archiveBytes: number;
  readonly sha256: string;
  /** What could not be checked: sentences. */
  readonly unchecked: readonly string[];
}

/** What `verify` found in a good archive: the document that `verify --json` prints. Sizes are in bytes. */
export interface VerifyReport extends FileReport, Counts {
  readonly locked?: never;
  /** Whether holdstill made it. */
  readonly holdstill: boolean;
  readonly id?: string;
  readonly damaged: readonly DamagedDatabase[];
}

/** Of an encrypted archive that was not decrypted: its bytes are those that were written. */
export interface LockedReport extends FileReport {
  readonly locked: true;
}

/**
 * Reads an archive whole and compares all of it with its index. One that is encrypted is compared, where there is no
 * key, with the digest that was noted when it was published. The catalog remembers whether it was bad.
 * @throws HoldstillError `no-archive`, `bad-archive` that names the first thing that is wrong, or `wrong-key`
 */
export async function verify(
  path: string,
  around: Pick<Surroundings, "cwd"> & ReadNeeds & DatabaseNeeds,
): Promise<VerifyReport | LockedReport> {
  const file = findArchive(around.fs, resolve(around.cwd, path));
  try {
    const report = await verifyFile(file, around);
    remember(file, undefined, around);
    return report;
  } catch (error) {
    if (error instanceof HoldstillError && error.code === "bad-archive") remember(file, error.message, around);
    throw error;
  }
}

/** So that `list`, `status` and `prune` know. */
function remember({ path, shown }: ArchiveFile, bad: string | undefined, { fs, onEvent }: ReadNeeds): void {
  try {
    noteVerified(fs, path, bad);
  } catch (error) {
    if (!isOfDisk(error)) throw error;
    const { message } = failureOf(error);
    onEvent({ type: "warning", message: `the catalog of ${shown} cannot be told of it: ${message}` });
  }
}

/** The same of an archive that was found. */
export async function verifyFile(
  file: ArchiveFile,
  around: ReadNeeds & DatabaseNeeds,
): Promise<VerifyReport | LockedReport> {
  try {
    return await verifyContent(file, around);
  } catch (error) {
    if (!(error instanceof HoldstillError) || error.code !== "wrong-key") throw error;
    if (recordedDigest(around.fs, file.path) === undefined) throw error;
    const { bytes, sha256 } = await digestOf(file, around);
    // A header that is damaged looks like that of somebody else.
    blaming(file.shown, () => assertRecorded(around.fs, file.path, sha256, "locked"));
    if (around.unseal !== undefined) throw error;
    return { archive: file.shown, ok: true, locked: true, archiveBytes: bytes, sha256, unchecked: [LOCKED] };
  }
}

const LOCKED = "what is in it, since it is encrypted and no key was given: its bytes are those that were written";

async function verifyContent(file: ArchiveFile, around: ReadNeeds & DatabaseNeeds): Promise<VerifyReport> {
  const archive = file.shown;
  const databases = databaseChecks(around);
  try {
    const { result: checked, bytes, sha256 } = await checkFile(file, around, { observer: databases.bodies });
    const { unchecked, damaged } = blaming(archive, () => {
      assertRecorded(around.fs, file.path, sha256);
      return judgeDatabases(checked, databases.bodies);
    });
    return {
      ...{ archive, ok: true, holdstill: checked.index !== undefined },
      ...(checked.index && { id: checked.index.snapshot.id }),
      ...checked.counts,
      ...{ archiveBytes: bytes, sha256, unchecked: [...checked.unchecked, ...unchecked], damaged },
    };
  } finally {
    await databases.close();
  }
}

/**
 * Decoders take more than one spelling of the same content: of a flipped bit in one, only a digest can tell.
 * @throws HoldstillError `bad-archive` where another digest was noted when the archive was published
 */
export function assertRecorded(fs: Filesystem, archive: Bytes, sha256: string, locked?: "locked"): void {
  const recorded = recordedDigest(fs, archive);
  if (recorded === undefined || recorded === sha256) return;
  const besides = locked ? "" : ", though all that is in it is";
  throw new HoldstillError("bad-archive", `its bytes are not those that were written${besides}`, {
    hint: "Its sha256 is not the one noted beside it in .holdstill/index: suspect the disk, and make a new backup.",
  });
}

/** What a run has written: the digests of all lines of its index but the last, and of the file. */
interface Written {
  readonly indexSha256: string;
  readonly sha256: string;
  /** Where it is encrypted: no identity is needed as long as this is known. */
  readonly sealed: Sealed | undefined;
}

/**
 * Reads back an archive that this run has written.
 * @throws HoldstillError `verify-failed`
 */
export async function verifyWritten(path: Bytes, written: Written, around: ReadNeeds): Promise<void> {
  const unseal = written.sealed && knowing(written.sealed);
  try {
    const { result: checked, sha256 } = await checkFile({ path, shown: textOf(path) }, { ...around, unseal });
    if (checked.index?.sha256 !== written.indexSha256) {
      throw new HoldstillError("bad-archive", "its index is not the one that was written");
    }
    if (sha256 !== written.sha256) {
      throw new HoldstillError("bad-archive", "its bytes are not those that were written");
    }
  } catch (error) {
    if (!(error instanceof HoldstillError)) throw error;
    if (error.code === "no-archive") {
      throw new HoldstillError("output-unusable", "the archive was removed before it had its name", {
        ...{ path: textOf(path), cause: error },
        hint: "Keep others from the archive directory while a backup runs.",
      });
    }
    if (error.code !== "bad-archive") throw error;
    throw new HoldstillError("verify-failed", `the archive did not verify: ${error.message}`, {
      ...{ path: textOf(path), cause: error },
      hint: "Nothing was published. If it happens again, suspect the disk or the memory.",
    });
  }
}
