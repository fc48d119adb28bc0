import { nameOf, parentOf, under, type Bytes } from "../bytes.js";
import { BROKEN, isErrno } from "../errors.js";
import type { Filesystem, Stat } from "../filesystem.js";
import {
  looksLikeDatabase,
  sidecarsOf,
  startDatabaseChild,
  type CopyOutcome,
  type DatabaseChild,
  type PinOutcome,
} from "./database.js";
import { isAppended } from "./kinds.js";
import type { Stage } from "./place.js";
import { stageFailure } from "./private-copy.js";
import { readFull } from "./quiet.js";
import { traverse, type Traversed } from "./traverse.js";

const MAGIC_BYTES = 16;

/** A database that was tried to be pinned. */
export interface KnownDatabase {
  readonly dev: number;
  readonly ino: number;
  /** The path that the child knows it by. */
  readonly asked: Bytes;
  /** Where its copy will be. */
  readonly staged: Bytes;
  readonly stage: Stage;
  readonly outcome: PinOutcome;
}

/** The databases of all sources, by absolute path. Only the child process opens them. */
export interface Databases {
  /** Finds the databases of the sources and pins them all. */
  readonly pinAll: (sources: readonly (Traversed & { readonly stage: Stage })[]) => Promise<void>;
  /** Pins one that turned up later, or that took the place of another. */
  readonly pin: (path: Bytes, stat: Stat, stage: Stage) => Promise<KnownDatabase>;
  readonly known: (path: Bytes) => KnownDatabase | undefined;
  /** Whether a path is a sidecar of a database that is pinned. */
  readonly isSidecar: (path: Bytes) => boolean;
  readonly copy: (database: KnownDatabase) => Promise<CopyOutcome>;
  /** The first pin and the time from it to the last, in milliseconds; undefined where nothing is pinned. */
  readonly moments: () => { readonly first: number; readonly skewMs: number } | undefined;
  readonly close: () => Promise<void>;
}

export function databases(fs: Filesystem, signal: AbortSignal): Databases {
  const known = new Map<Bytes, KnownDatabase>();
  const sidecars = new Set<Bytes>();
  let starting: Promise<DatabaseChild> | undefined;
  const child = (): Promise<DatabaseChild> => (starting ??= startDatabaseChild({ signal }));

  const pinThose = async (found: readonly Found[]): Promise<KnownDatabase[]> => {
    const asked = found.map(({ path, stat, stage }) => {
      stage.space.take(mostCopied(fs, path, stat.size));
      const staged = stage.next();
      // Another spelling of a path that the child knows already: its file is another one now.
      const spelled = known.has(path) ? (`${parentOf(path)}/./${nameOf(path)}` as Bytes) : path;
      return { path: spelled, staged, dev: stat.dev, ino: stat.ino, to: stage.forChild(staged) };
    });
    const pinning = (await child()).pin(asked.map(({ path, dev, ino, to }) => ({ path, dev, ino, to })));
    const outcomes = await pinning.catch((error: unknown) => {
      throw stageFailure(fullest(fs, found), error);
    });
    return found.map(({ path, stage, stat: { dev, ino } }, index) => {
      const { path: spelled = path, staged = path } = asked[index] ?? {};
      const outcome = outcomes[index] ?? { status: "unreadable", reason: "it was not pinned" };
      const database = { dev, ino, asked: spelled, staged, stage, outcome };
      known.set(path, database);
      if (outcome.status === "pinned" || outcome.status === "busy") {
        for (const sidecar of sidecarsOf(path)) sidecars.add(sidecar);
      }
      return database;
    });
  };

  return {
    async pinAll(sources) {
      const found: Found[] = [];
      for (const source of sources) {
        await traverse(fs, source, signal, {
          file(path, from) {
            // What is named as lines of text is hardly one: it is looked at when it is captured.
            if (isAppended(path)) return;
            const stat = statOfDatabase(fs, from);
            if (stat) found.push({ path: under(source.path, path), stat, stage: source.stage });
          },
        });
      }
      if (found.length > 0) await pinThose(found);
    },
    async pin(path, stat, stage) {
      const [database] = await pinThose([{ path, stat, stage }]);
      if (!database) throw new Error("one database was asked for");
      return database;
    },
    known: (path) => known.get(path),
    isSidecar: (path) => sidecars.has(path),
    copy: async ({ asked, stage }) =>
      (await child()).copy(asked).catch((error: unknown) => {
        throw stageFailure(stage, error);
      }),
    moments() {
      const pinned = [...known.values()].flatMap(({ outcome }) =>
        outcome.status === "pinned" ? [outcome.database] : [],
      );
      if (pinned.length === 0) return undefined;
      const first = pinned.reduce((earliest, { pinning }) => Math.min(earliest, pinning), Infinity);
      const last = pinned.reduce((latest, { pinnedAt }) => Math.max(latest, pinnedAt), -Infinity);
      return { first, skewMs: pinned.length === 1 ? 0 : last - first };
    },
    close: async () => (await starting)?.close(),
  };
}

interface Found {
  readonly path: Bytes;
  readonly stat: Stat;
  readonly stage: Stage;
}

/**
 * How much a copy may take while it is made. Of a database that is open, what its log holds is copied as part of it;
 * of others the log or journal is copied too, and SQLite brings into the database what it holds.
 */
function mostCopied(fs: Filesystem, path: Bytes, size: number): number {
  const [wal = 0, shm = 0, journal = 0] = sidecarsOf(path).map((sidecar) => fileSize(fs, sidecar));
  return size + (shm > 0 ? 1 : 2) * wal + 2 * journal;
}

function fileSize(fs: Filesystem, path: Bytes): number {
  try {
    const { kind, size } = fs.lstat(path);
    return kind === "file" ? size : 0;
  } catch (error) {
    if (isErrno(error, "ENOTDIR", ...UNREADABLE)) return 0;
    throw error;
  }
}

/** The stage that the disk is full of, where there are several. */
function fullest(fs: Filesystem, found: readonly Found[]): Stage {
  const stages = found.map(({ stage }) => ({ stage, available: fs.space(stage.base).available }));
  return stages.reduce((a, b) => (b.available < a.available ? b : a)).stage;
}

/** Why a file may not be readable, or not be there any more: whoever captures it says so. */
const UNREADABLE = ["ENOENT", "ESTALE", "EACCES", "EPERM", "ELOOP", ...BROKEN, "ENXIO"] as const;

/**
 * Whether a file is a database, by its size and its first bytes. For what is not to be opened by SQLite here. What cannot
 * be read is none.
 */
export function isDatabase(fs: Filesystem, path: Bytes, size: number): boolean {
  if (size === 0 || size % 512 !== 0) return false;
  try {
    const fd = fs.openRead(path);
    try {
      const head = Buffer.alloc(MAGIC_BYTES);
      return looksLikeDatabase(head.subarray(0, readFull(fs, fd, head, 0)), size);
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    if (isErrno(error, ...UNREADABLE)) return false;
    throw error;
  }
}

function statOfDatabase(fs: Filesystem, path: Bytes): Stat | undefined {
  try {
    const stat = fs.lstat(path);
    return stat.kind === "file" && isDatabase(fs, path, stat.size) ? stat : undefined;
  } catch (error) {
    if (isErrno(error, ...UNREADABLE)) return undefined;
    throw error;
  }
}
