import { hash } from "node:crypto";
import { bytesOf, textOf, under, type Bytes } from "./bytes.js";
import { remoteText, type RcloneDestination } from "./destination.js";
import type { Engine } from "./engine/run.js";
import { HoldstillError } from "./errors.js";
import type { Stat } from "./filesystem.js";
import { pruneRemote } from "./prune-remote.js";
import { ownerOfPartial, partialNameOf } from "./rclone/archives.js";
import { sendCatalog } from "./rclone/catalog.js";
import { listFiles, type RemoteFile } from "./rclone/listing.js";
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
import { thisProcess } from "./vault/owner.js";
import { addPending, pendingFor, removePending } from "./vault/pending.js";
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
  /** Stands for the remote in names of files, and for this archive directory on this machine. */
  readonly place: string;
  readonly owner: string;
}

/**
 * Uploads each archive that is not there yet: the new one, and those whose upload failed or was cut off.
 * @throws HoldstillError `output-unusable` where rclone is not installed, `usage`
 */
export function deliverWithRclone(options: DeliveryOptions, { fs, env }: Surroundings): Deliver {
  const { destination, retention } = options;
  if (retention !== undefined) assertKeeps(retention);
  const rclone = findRclone({ fs, env }, destination.directory);
  return async (report, directory, around) => {
    const place = digest(destination.directory);
    const owner = digest(`${thisProcess().hostname}:${directory}`);
    const delivery: Delivery = { ...options, rclone, directory, around, place, owner };
    const name = report.archive.slice(report.archive.lastIndexOf("/") + 1);
    addPending(around.fs, directory, name, place);
    const uploads = await uploadAll(delivery, name).catch((error: unknown) => {
      throw keptHere(error, report.archive);
    });
    const pruned = retention === undefined ? undefined : await retain(delivery, retention, report);
    const delivered: Delivered = { ...uploads, removedLocal: await removeLocal(delivery) };
    return { ...report, delivered, ...(pruned && { pruned }) };
  };
}

function digest(text: string): string {
  return hash("sha256", text, "hex").slice(0, 12);
}

function keptHere(error: unknown, archive: string): unknown {
  if (!(error instanceof HoldstillError)) return error;
  const { code, message, hint = "", cause } = error;
  return new HoldstillError(code, message, {
    ...{ path: archive, cause },
    hint: `${hint} The archive is here, whole; the next run uploads it.`.trimStart(),
  });
}

async function uploadAll(delivery: Delivery, name: string): Promise<Omit<Delivered, "removedLocal">> {
  const { rclone, around, directory, place, destination } = delivery;
  const there = await listFiles(rclone, around);
  await removeDeadPartials(delivery, there);
  let compared: ComparedBy = "reading back";
  const resumed: string[] = [];
  for (const each of pendingFor(around.fs, directory, place)) {
    const stat = statIfThere(around.fs, under(directory, bytesOf(each)));
    const isThere = there.some((file) => file.name === each && file.size === stat?.size);
    if (stat !== undefined && !isThere) {
      const done = await uploadOne(delivery, each, stat);
      if (each === name) compared = done;
      else resumed.push(each);
    }
    removePending(around.fs, directory, each, place);
  }
  return { to: remoteText(destination), compared, resumed };
}

async function uploadOne(delivery: Delivery, name: string, { size }: Stat): Promise<ComparedBy> {
  const { rclone, around, directory, owner } = delivery;
  const path = under(directory, bytesOf(name));
  around.onEvent({ type: "phase", phase: "upload", totalBytes: size });
  const file = { path, size, name, partial: partialNameOf(name, owner) };
  return upload(rclone, file, around, () => sendCatalog(rclone, catalogDirectory(directory), name, around));
}

/** Of this directory: whoever holds its lock knows that nobody is at work on them. */
async function removeDeadPartials({ rclone, around, owner }: Delivery, there: readonly RemoteFile[]): Promise<void> {
  for (const { name } of there) if (ownerOfPartial(name) === owner) await removeFile(rclone, name, around);
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
  const sizes = new Map((await listFiles(rclone, around)).map(({ name, size }) => [name, size]));
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
