import { isAppendedTo } from "./grown.js";
import type { Bytes } from "../bytes.js";
import { reasonText } from "../report/show-text.js";
import type { Change, Difference, DiffReport } from "../report/diff-report.js";
import { withCatalog, type LookNeeds } from "./catalogued.js";
import { comparable, naming, type Comparable, type Keyed } from "./comparable.js";
import { differsInMetadata, isAnother, sideOf, tallyChanges, type OnDifference } from "./differences.js";
import { merge, type Pair } from "./merge.js";

type Compared = { readonly change: Change | "equal" | "grown?" } & Omit<Difference, "change" | "path">;

/**
 * Compares two archives, path by path and by digest. Where a file is larger in the second, that archive is read to tell
 * whether it has only grown.
 * @throws HoldstillError `no-archive`, `bad-archive`
 */
export function diff(from: string, to: string, around: LookNeeds, onDifference: OnDifference): Promise<DiffReport> {
  return withCatalog(from, around, (one) =>
    withCatalog(to, around, async (other) => {
      const [left, right] = [await comparable(one), await comparable(other)];
      const tally = tallyChanges();
      const grown = await isAppendedTo(other.archive, around, suspectsOf(left, right));
      const name = namingOf(left, right);
      for await (const pair of merge(left.entries(), right.entries())) {
        around.signal.throwIfAborted();
        const compared = compare(pair, left, right);
        if (!compared) continue;
        const { change: found, ...sides } = compared;
        const change = found === "grown?" ? (grown.has(pair.key) ? "grown" : "changed") : found;
        tally.add(change);
        if (change !== "equal" && !onDifference({ change, path: name(pair.key), ...sides })) break;
      }
      return tally.report(one.archive.shown, other.archive.shown);
    }),
  );
}

async function* suspectsOf(left: Comparable, right: Comparable) {
  for await (const pair of merge(left.entries(), right.entries())) {
    if (compare(pair, left, right)?.change !== "grown?") continue;
    const [before, now] = [contentIn(left, pair.left), contentIn(right, pair.right)];
    if (before && now) yield { key: pair.key, name: now.name, size: before.size, sha256: before.sha256 };
  }
}

function contentIn({ contentOf }: Comparable, entry: Keyed | undefined) {
  return entry?.stored && contentOf(entry.stored);
}

/** Undefined for what is in neither. */
function compare(pair: Pair<Keyed, Keyed>, left: Comparable, right: Comparable): Compared | undefined {
  const [a, b] = [pair.left?.stored, pair.right?.stored];
  const from = a && sideOf(a, left.contentOf(a));
  const to = b && sideOf(b, right.contentOf(b));
  if (!from && !to) return undefined;
  if (!from) return { change: "added", ...(to && { to }), ...reasonOf(pair.left) };
  if (!to) return { change: "removed", from, ...reasonOf(pair.right) };
  if (isAnother(from, to)) return { change: "changed", from, to };
  if (from.sha256 !== to.sha256) return { change: (to.size ?? 0) > (from.size ?? 0) ? "grown?" : "changed", from, to };
  return { change: differsInMetadata(from, to) ? "metadata" : "equal", from, to };
}

function reasonOf(entry: Keyed | undefined): { readonly reason?: string } {
  return entry?.skip ? { reason: reasonText(entry.skip) } : {};
}

/** Short names where both are of the same one source. */
function namingOf(left: Comparable, right: Comparable): (key: Bytes) => string {
  return naming([...new Set([...left.sources, ...right.sources])]);
}
