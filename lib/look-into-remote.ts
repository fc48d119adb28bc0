import { bytesOf, under } from "./bytes.js";
import type { Engine } from "./engine/run.js";
import { HoldstillError } from "./errors.js";
import { archivesAmong, type RemoteArchive } from "./rclone/archives.js";
import { fetchSummaries } from "./rclone/catalog.js";
import { listFiles, type RemoteFile } from "./rclone/listing.js";
import type { Surroundings } from "./surroundings.js";
import { catalogDirectory, notedSummary } from "./vault/catalog.js";
import { withTemporary, writingTemporary } from "./with-temporary.js";

export interface RemoteContent {
  readonly files: readonly RemoteFile[];
  /** The newest last. */
  readonly archives: readonly RemoteArchive[];
}

/**
 * What there is on a remote, with what its catalog says of it.
 * @throws HoldstillError `no-archive` where its directory is not there, and by what rclone says
 */
export async function lookInto(rclone: Engine, shown: string, around: Surroundings): Promise<RemoteContent> {
  const files = await listFiles(rclone, around);
  if (files === undefined) {
    throw new HoldstillError("no-archive", "there is no such directory on the remote", {
      path: shown,
      hint: "Check how it is written; create --to makes it with the first archive.",
    });
  }
  if (files.length === 0) return { files, archives: [] };
  return withTemporary("remote", around, async (directory) => {
    await writingTemporary(around, () => fetchSummaries(rclone, catalogDirectory(directory), around));
    const summaryOf = (name: string) => notedSummary(around.fs, under(directory, bytesOf(name)));
    return { files, archives: archivesAmong(files, summaryOf) };
  });
}
