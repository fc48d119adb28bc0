import { parentOf, textOf, type Bytes } from "../bytes.js";
import { stoppable } from "../filesystem.js";
import { excluder } from "../profile/exclude.js";
import { recordedRules } from "../profile/recorded.js";
import type { Change, DiffReport } from "../report/diff-report.js";
import { reasonText } from "../report/show-text.js";
import { withCatalog, type LookNeeds } from "./catalogued.js";
import { comparable, naming, type Comparable, type Content, type Keyed } from "./comparable.js";
import { differsInMetadata, isAnother, sideOf, tallyChanges, type OnDifference, type Side } from "./differences.js";
import { liveTree, type LiveLook, type LivePath, type LiveTree } from "./live-tree.js";
import { merge, type Pair } from "./merge.js";

/** So many excluded directories are not even listed; of more it is known when their turn comes. */
const PRUNED = 100_000;

/**
 * Compares an archive with what is there now, path by path and by digest. What the backup left out by a rule is left
 * out here too.
 * @throws HoldstillError `no-archive`, `bad-archive`
 */
export function diffLive(path: string, around: LookNeeds, onDifference: OnDifference): Promise<DiffReport> {
  return withCatalog(path, around, async (catalogued) => {
    const { signal, onEvent } = around;
    const fs = stoppable(around.fs, signal);
    const archived = await comparable(catalogued);
    const sources = catalogued.summary.holdstill ? archived.sources : archived.sources.slice(0, -1);
    const exclusion = await exclusionOf(archived, sources);
    onEvent({ type: "phase", phase: "read" });
    const live = await liveTree(fs, sources, signal, exclusion.isRecorded);
    onEvent({ type: "phase", phase: "read", totalFiles: live.paths.length });
    const tally = tallyChanges();
    const name = naming(sources);
    let seen = 0;
    try {
      for await (const pair of merge(archived.entries(), inOrder(live))) {
        signal.throwIfAborted();
        if (pair.right) onEvent({ type: "progress", files: ++seen, bytes: 0 });
        const compared = await compare(pair, archived, live, exclusion);
        if (!compared) continue;
        const { change, ...sides } = compared;
        tally.add(change);
        if (change !== "equal" && !onDifference({ change, path: name(pair.key), ...sides })) break;
      }
    } finally {
      live.close();
    }
    return tally.report(catalogued.archive.shown, "live");
  });
}

async function* inOrder({ paths }: LiveTree): AsyncGenerator<LivePath> {
  yield* paths;
}

interface Compared {
  readonly change: Change | "equal";
  readonly from?: Side;
  readonly to?: Side;
  readonly reason?: string;
}

async function compare(
  { key, left, right }: Pair<Keyed, LivePath>,
  { contentOf }: Comparable,
  live: LiveTree,
  exclusion: Exclusion,
): Promise<Compared | undefined> {
  const found = right && live.look(right);
  const stored = left?.stored;
  if (!stored) return found === undefined || found === "closed" ? undefined : added(left, found, right, exclusion);
  const content = contentOf(stored);
  const from = sideOf(stored, content);
  if (found === "closed" || (!found && isBelow(key, live.closed))) return { change: "unreadable", from };
  if (!found) return { change: "removed", from };
  const to = liveSide(found);
  if (isAnother(from, to)) return { change: "changed", from, to };
  const change = content ? await contentChange(content, found) : "equal";
  if (change === "removed") return { change, from };
  return { change: change === "equal" && differsInMetadata(from, to) ? "metadata" : change, from, to };
}

async function contentChange(
  { size, sha256, isDatabase }: Content,
  { stat, beginsWith }: LiveLook,
): Promise<Change | "equal"> {
  if (isDatabase) return "uncompared";
  if (stat.size < size) return "changed";
  const same = await beginsWith(size, sha256);
  if (same === undefined) return "removed";
  if (same === "closed") return "unreadable";
  if (!same) return "changed";
  return stat.size > size ? "grown" : "equal";
}

/** What is there now and not in the archive: undefined where that is as it should be. */
function added(
  left: Keyed | undefined,
  found: LiveLook,
  right: LivePath | undefined,
  exclusion: Exclusion,
): Compared | undefined {
  const skip = left?.skip;
  const to = liveSide(found);
  if (skip?.reason === "special" && to.type === "special") return undefined;
  if (to.type === "special" || !right || exclusion.isLeftOut(right, to.type, skip?.reason === "excluded"))
    return undefined;
  return { change: "added", to, ...(skip && { reason: reasonText(skip) }) };
}

function liveSide({ stat, target }: LiveLook): Side {
  const { kind, mode, uid, gid, size } = stat;
  const type = kind === "unknown" ? "special" : kind;
  return {
    type,
    mode,
    uid,
    gid,
    ...(type === "file" && { size }),
    ...(target !== undefined && { target: textOf(target) }),
  };
}

interface Exclusion {
  /** Whether the index says so of this very path. */
  readonly isRecorded: (key: Bytes) => boolean;
  /** Whether a rule of the index leaves it out, or a directory around it. To be asked in bytewise order. */
  readonly isLeftOut: (live: LivePath, kind: Side["type"], isRecorded: boolean) => boolean;
}

const SIDECAR = /-(?:wal|shm|journal)$/;

async function exclusionOf({ entries, contentOf }: Comparable, sources: readonly Bytes[]): Promise<Exclusion> {
  const recorded = new Set<Bytes>();
  const names = sources.map(() => new Set<string>());
  const databases = new Set<Bytes>();
  for await (const { key, stored, skip } of entries()) {
    if (stored && contentOf(stored)?.isDatabase) databases.add(key);
    if (stored || skip?.reason !== "excluded") continue;
    if (recorded.size < PRUNED) recorded.add(key);
    if (skip.rule !== undefined) names[skip.source]?.add(skip.rule);
  }
  const rules = names.map((of) => excluder([], recordedRules(of)));
  const directories = new Set<Bytes>();
  return {
    isRecorded: (key) => recorded.has(key),
    isLeftOut({ key, source, path }, kind, isRecorded) {
      const out =
        isRecorded ||
        isBelow(key, directories) ||
        (SIDECAR.test(key) && databases.has(key.replace(SIDECAR, "") as Bytes)) ||
        rules[source]?.rule(path, kind === "special" ? "special" : kind) !== undefined;
      if (out && kind === "directory") directories.add(key);
      return out;
    },
  };
}

function isBelow(key: Bytes, directories: ReadonlySet<Bytes>): boolean {
  if (directories.size === 0) return false;
  for (let path = key; path.length > 0 && path !== "."; path = parentOf(path)) if (directories.has(path)) return true;
  return false;
}
