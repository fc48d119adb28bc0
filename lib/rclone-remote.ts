import { isEncryptedName } from "./archive/name.js";
import { archiveOrigin } from "./archive-origin.js";
import { bytesOf, textOf, under } from "./bytes.js";
import { remoteText, type RcloneDestination } from "./destination.js";
import type { Engine } from "./engine/run.js";
import { lookInto, type RemoteContent } from "./look-into-remote.js";
import { rowOf, unreadRow } from "./look/list.js";
import { pruneRemote } from "./prune-remote.js";
import { findArchive, type ArchiveFile } from "./read-archive.js";
import type { Remote } from "./remote.js";
import type { ListedArchive } from "./report/list-report.js";
import { namedAmong, type RemoteArchive } from "./rclone/archives.js";
import { fetchCatalog } from "./rclone/catalog.js";
import { at, copyFile, findRclone } from "./rclone/run.js";
import { restoreFrom } from "./restore.js";
import type { Surroundings } from "./surroundings.js";
import { catalogDirectory } from "./vault/catalog.js";
import { verifyFile } from "./verify.js";
import { withTemporary, writingTemporary } from "./with-temporary.js";

/** Archives that `create --to rclone:…` has uploaded. */
export function rcloneRemote(destination: RcloneDestination, around: Surroundings): Remote {
  const rclone = findRclone(around, destination.directory);
  const shown = remoteText(destination);
  let looked: Promise<RemoteContent> | undefined;
  const archives = async () => (await (looked ??= lookInto(rclone, shown, around))).archives;
  const fetched = async <T>(name: string, use: (file: ArchiveFile) => Promise<T>): Promise<T> => {
    const archive = namedAmong(name, await archives());
    return withFetched(rclone, archive, around, (file) => use({ ...file, shown: `${shown}/${archive.name}` }));
  };
  return {
    async list() {
      const rows = (await archives()).map((archive) => listed(shown, archive, around.now()));
      return { outcome: "listed", archives: rows };
    },
    names: async () => (await archives()).map(({ name }) => name),
    verify: (name) => fetched(name, (file) => verifyFile(file, around)),
    restore: ({ archive, ...options }) => fetched(archive, (file) => restoreFrom(archiveOrigin(file), options, around)),
    prune: (policy, prunes) => pruneRemote(rclone, shown, policy, prunes, around),
  };
}

function listed(shown: string, { name, size, moment, summary }: RemoteArchive, now: number): ListedArchive {
  const path = `${shown}/${name}`;
  if (summary === undefined) return unreadRow({ path, name, moment, size }, isEncryptedName(name), now);
  return { archive: path, name, ok: true, ...rowOf(summary, now) };
}

/** Fetches an archive with what the catalog has of it, for as long as it is used. */
async function withFetched<T>(
  rclone: Engine,
  { name, size }: RemoteArchive,
  around: Surroundings,
  use: (file: ArchiveFile) => Promise<T>,
): Promise<T> {
  return withTemporary("remote", around, async (directory) => {
    around.onEvent({ type: "phase", phase: "download", totalBytes: size });
    const path = textOf(under(directory, bytesOf(name)));
    await writingTemporary(around, async () => {
      await copyFile(rclone, at(name), path, around);
      await fetchCatalog(rclone, name, catalogDirectory(directory), around);
    });
    return use(findArchive(around.fs, path));
  });
}
