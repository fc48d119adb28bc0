import { text } from "node:stream/consumers";
import type { ResticDestination } from "./destination.js";
import type { Engine } from "./engine/run.js";
import { pruneSnapshots } from "./prune-snapshots.js";
import { blaming } from "./read-archive.js";
import type { Remote, RemoteOptions } from "./remote.js";
import type { ListedSnapshot } from "./report/list-report.js";
import type { CheckReport, SnapshotReport } from "./report/snapshot-report.js";
import { readSnapshotIndex, readTrees, type SnapshotIndex } from "./restic/read-snapshot.js";
import { askRestic, findRestic, repositoryText } from "./restic/run.js";
import { listSnapshots, namedSnapshot, type Snapshot } from "./restic/snapshots.js";
import { restoreFrom } from "./restore.js";
import type { Origin } from "./restore/origin.js";
import type { Surroundings } from "./surroundings.js";
import { databaseChecks, judgeDatabases } from "./verify-databases.js";

/** So much of an id tells snapshots apart, for people. */
const SHORT = 8;

/** Stands for the repository with all that is in it, which `restic check` looks at. */
const REPOSITORY = "";

/** Snapshots that `create --to restic:…` made, in a repository of restic. */
export function resticRemote(
  { repository }: ResticDestination,
  { readDataSubset = "100%" }: RemoteOptions,
  around: Surroundings,
): Remote {
  const restic = findRestic(around, repository);
  const shown = repositoryText(restic);
  const find = async (name: string): Promise<Snapshot> => namedSnapshot(name, await listSnapshots(restic, around));
  return {
    async list() {
      const { own } = await listSnapshots(restic, around);
      return { outcome: "listed", archives: own.map((each) => rowOf(shown, each, around.now())) };
    },
    names: async () => [REPOSITORY],
    async verify(name) {
      if (name === REPOSITORY) return check(restic, readDataSubset, around);
      return verifySnapshot(restic, await find(name), around);
    },
    async restore({ archive, ...options }) {
      return restoreFrom(snapshotOrigin(restic, await find(archive), around), options, around);
    },
    prune: (policy, prunes) => pruneSnapshots(restic, policy, prunes, around),
  };
}

function rowOf(
  shown: string,
  { paths: _, createdMs, snapshot, label, ...told }: Snapshot,
  now: number,
): ListedSnapshot {
  return {
    ...{ archive: shown, name: snapshot.slice(0, SHORT), ok: true, snapshot, ...told },
    ...(label !== undefined && { label }),
    incomplete: !told.complete,
    ...{ createdAt: new Date(createdMs).toISOString(), ageMs: Math.max(0, now - createdMs) },
  };
}

function shownAs(restic: Engine, { snapshot }: Snapshot): string {
  return `snapshot ${snapshot.slice(0, SHORT)} of ${repositoryText(restic)}`;
}

/** restic itself knows whether what it has stored is as it was stored. */
async function check(restic: Engine, readData: string, around: Surroundings): Promise<CheckReport> {
  await askRestic(restic, ["check", `--read-data-subset=${readData}`], text, around);
  return { archive: repositoryText(restic), ok: true, readData };
}

async function verifySnapshot(restic: Engine, snapshot: Snapshot, around: Surroundings): Promise<SnapshotReport> {
  const shown = shownAs(restic, snapshot);
  const databases = databaseChecks(around);
  try {
    return await blaming(shown, async () => {
      const index = await readSnapshotIndex(restic, snapshot, around);
      const { counts, sound } = index;
      around.onEvent({ type: "phase", phase: "verify", totalBytes: counts.bytes, totalFiles: counts.files });
      await readTrees(restic, snapshot, index, databases.bodies, around);
      const judged = judgeDatabases({ index: { sound } }, databases.bodies);
      return { archive: shown, ok: true, snapshot: snapshot.snapshot, id: index.snapshot.id, ...counts, ...judged };
    });
  } finally {
    await databases.close();
  }
}

/** A snapshot as `restore` reads it: its index says beforehand what is in it. */
function snapshotOrigin(restic: Engine, snapshot: Snapshot, surroundings: Surroundings): Origin {
  const shown = shownAs(restic, snapshot);
  let index: SnapshotIndex | undefined;
  return {
    shown,
    announced: async () => undefined,
    async learn({ signal, onEvent }) {
      const around = { ...surroundings, signal, onEvent };
      index = await blaming(shown, () => readSnapshotIndex(restic, snapshot, around));
      const { snapshot: line, sources, inventory, indexSha256 } = index;
      return { root: line.root, sources, inventory, snapshot: line, digest: indexSha256 };
    },
    async read(_, visitor, { signal, onEvent }) {
      const around = { ...surroundings, signal, onEvent };
      if (index === undefined) throw new Error("a snapshot is read before its index");
      const read = index;
      onEvent({ type: "phase", phase: "restore", totalBytes: read.counts.bytes, totalFiles: read.counts.files });
      await blaming(shown, () => readTrees(restic, snapshot, read, visitor, around));
      return [];
    },
  };
}
