import { hash, randomBytes } from "node:crypto";
import { bytesOf, textOf, under, type Bytes } from "./bytes.js";
import { remoteText, type RcloneDestination } from "./destination.js";
import type { Engine } from "./engine/run.js";
import { HoldstillError } from "./errors.js";
import { findProgram } from "./find-program.js";
import { pruneRemote } from "./prune-remote.js";
import { partialNameOf } from "./rclone/archives.js";
import { sendCatalog } from "./rclone/catalog.js";
import { fileAt, listFiles } from "./rclone/listing.js";
import { findRclone } from "./rclone/run.js";
import { removeFile, upload, type ComparedBy } from "./rclone/upload.js";
import { neededArchives } from "./guard/needed.js";
import type { CreateReport, Delivered, Pruned } from "./report/create-report.js";
import { failureOf } from "./report/failure.js";
import { statIfThere } from "./stat-if-there.js";
import type { Surroundings } from "./surroundings.js";
import { unlinkIfThere } from "./unlink-if-there.js";
import { candidates } from "./vault/archives.js";
import { catalogDirectory } from "./vault/catalog.js";
import { addPending, markOf, pendingFor, removePending, type Pending } from "./vault/pending.js";
import { orphans, removeArchive } from "./vault/prune.js";
import { assertKeeps, type Policy } from "./vault/retention.js";

export interface DeliveryOptions {
  readonly destination: RcloneDestination;
  /** How many archives stay here that are there; undefined keeps all. */
  readonly keepLocal: number | undefined;
  /** What to keep there once this run is complete; undefined keeps all. */
  readonly retention: Policy | undefined;
}

/** Carries a published archive to where it is kept. The caller holds the lock of the archive directory. */
export type Deliver = (report: CreateReport, directory: Bytes, around: Surroundings) => Promise<CreateReport>;

/** One archive directory, and where its archives go. */
interface Delivery extends DeliveryOptions {
  readonly rclone: Engine;
  readonly directory: Bytes;
  readonly around: Surroundings;
  /** Stands for the remote in names of files. */
  readonly place: string;
}

/**
 * Uploads each archive that is not there yet: the new one, and those whose upload failed or was cut off. Where rclone is
 * not installed that is said at once, and is no reason not to make the archive.
 * @throws HoldstillError `usage`
 */
export function deliverWithRclone(options: DeliveryOptions, { fs, env, onEvent }: Surroundings): Deliver {
  const { destination, retention } = options;
  if (retention !== undefined) assertKeeps(retention);
  if (findProgram(fs, "rclone", env["PATH"]) === undefined) {
    onEvent({ type: "warning", message: "rclone is not installed: nothing can be uploaded" });
  }
  return async (report, directory, around) => {
    const place = hash("sha256", destination.directory, "hex").slice(0, 12);
    addPending(around.fs, directory, { name: nameOf(report), token: randomBytes(6).toString("hex") }, place);
    const rclone = await keeping(report.archive, () => findRclone(around, destination.directory));
    const delivery: Delivery = { ...options, rclone, directory, around, place };
    const uploads = await uploadAll(delivery, report);
    const pruned = retention === undefined ? undefined : await retain(delivery, retention, report);
    const delivered: Delivered = { ...uploads, removedLocal: await removeLocal(delivery) };
    return { ...report, delivered, ...(pruned && { pruned }) };
  };
}

function nameOf({ archive }: Pick<CreateReport, "archive">): string {
  return archive.slice(archive.lastIndexOf("/") + 1);
}

/** Whatever becomes of an upload, the archive is here. */
async function keeping<T>(archive: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HoldstillError)) throw error;
    const { code, message, hint = "", cause } = error;
    throw new HoldstillError(code, `${archive} is not uploaded: ${message}`, {
      ...{ path: archive, cause },
      hint: `${hint} The archive is here, whole; the next run uploads it.`.trimStart(),
    });
  }
}

async function uploadAll(delivery: Delivery, report: CreateReport): Promise<Omit<Delivered, "removedLocal">> {
  const { around, directory, place, destination } = delivery;
  const all = pendingFor(around.fs, directory, place);
  await keeping(report.archive, async () => {
    const there = new Set((await listFiles(delivery.rclone, around))?.map(({ name }) => name));
    await assertElsewhere(delivery, all, there);
    await removeDeadPartials(delivery, all, there);
  });
  let compared: ComparedBy | undefined;
  let taken: HoldstillError | undefined;
  const resumed: string[] = [];
  for (const pending of all) {
    try {
      const done = await uploadOne(delivery, pending);
      if (pending.name === nameOf(report)) compared = done;
      else if (done !== undefined) resumed.push(pending.name);
      removePending(around.fs, directory, pending, place);
    } catch (error) {
      // Nobody but its owner can see to that, and the others need not wait for them.
      if (!(error instanceof HoldstillError && error.code === "output-exists")) throw error;
      taken ??= error;
    }
  }
  if (taken !== undefined) throw taken;
  if (compared === undefined) {
    throw new HoldstillError("no-archive", "the archive is gone, and was not uploaded", { path: report.archive });
  }
  return { to: remoteText(destination), compared, resumed };
}

/** Undefined where the archive is not here any more. */
async function uploadOne(delivery: Delivery, pending: Pending): Promise<ComparedBy | undefined> {
  const { rclone, around, directory } = delivery;
  const { name } = pending;
  const path = under(directory, bytesOf(name));
  const stat = statIfThere(around.fs, path);
  if (stat === undefined) return undefined;
  const { size } = stat;
  around.onEvent({ type: "phase", phase: "upload", totalBytes: size });
  const file = { path, size, name, partial: partialNameOf(pending) };
  return keeping(textOf(path), () =>
    upload(rclone, file, around, () => sendCatalog(rclone, catalogDirectory(directory), name, around)),
  );
}

/**
 * An archive that is to be uploaded has its name there already where that is this archive directory, by whatever way it
 * is reached: then what notes it is there too. It would be taken for carried away, and removed here.
 */
async function assertElsewhere(
  { rclone, around, place, destination }: Delivery,
  all: readonly Pending[],
  there: ReadonlySet<string>,
): Promise<void> {
  for (const pending of all) {
    if (!there.has(pending.name)) continue;
    if ((await fileAt(rclone, markOf(pending, place), ["md5"], around)) === undefined) continue;
    throw new HoldstillError("output-unusable", `${remoteText(destination)} is the archive directory itself`, {
      hint: "Name another place with --to, or none.",
    });
  }
}

/** Of earlier runs into this directory: whoever holds its lock knows that nobody is at work on them. */
async function removeDeadPartials(
  { rclone, around }: Delivery,
  all: readonly Pending[],
  there: ReadonlySet<string>,
): Promise<void> {
  for (const name of all.map(partialNameOf)) if (there.has(name)) await removeFile(rclone, name, around);
}

/** An archive that was uploaded is one, whatever becomes of those before it. */
async function retain(
  { rclone, around, destination }: Delivery,
  policy: Policy,
  { complete }: CreateReport,
): Promise<Pruned> {
  if (!complete) return { outcome: "skipped", reason: "the new archive is incomplete" };
  try {
    return await pruneRemote(rclone, remoteText(destination), policy, "prune", around);
  } catch (error) {
    around.signal.throwIfAborted();
    return { outcome: "failed", error: failureOf(error) };
  }
}

/** Removes the older archives here of which the remote has a file of the same name and size. */
async function removeLocal({ keepLocal, rclone, directory, around }: Delivery): Promise<string[]> {
  if (keepLocal === undefined) return [];
  const { fs } = around;
  const sizes = new Map((await listFiles(rclone, around))?.map(({ name, size }) => [name, size]));
  const both = candidates(textOf(directory), around).filter(({ name, size }) => sizes.get(name) === size);
  const isNeeded = neededArchives(fs, directory);
  const old = (keepLocal === 0 ? both : both.slice(0, -keepLocal)).filter(
    ({ name, moment }) => !isNeeded({ name, createdMs: moment }),
  );
  for (const { path } of old) {
    const stat = statIfThere(fs, bytesOf(path));
    if (stat !== undefined) removeArchive(fs, bytesOf(path), stat);
  }
  if (old.length > 0) for (const copy of orphans(fs, directory)) unlinkIfThere(fs, copy);
  return old.map(({ name }) => name);
}
