import { exactTextOf, textOf } from "../bytes.js";
import { targetOf } from "../archive/index.js";
import { CHANGES, type Change, type Difference, type DiffReport, type DiffSide } from "../report/diff-report.js";
import type { Content, StoredEntry } from "./comparable.js";

/** What is known of one side of a comparison. */
export type Side = Omit<DiffSide, "type"> & { readonly type: "file" | "directory" | "symlink" | "special" };

/** A hard link is the file that it repeats. */
export function sideOf(entry: StoredEntry, content: Content | undefined): Side {
  const { mode, uid, gid } = entry;
  const owned = { mode, uid, gid };
  if (entry.type === "symlink") {
    const target = targetOf(entry);
    return { type: "symlink", ...owned, target: exactTextOf(target) ?? textOf(target) };
  }
  if (entry.type === "directory") return { type: "directory", ...owned };
  return { type: "file", ...owned, ...(content && { size: content.size, sha256: content.sha256 }) };
}

/** Whether something else is there: of another kind, or a link that leads elsewhere. */
export function isAnother(from: Side, to: Side): boolean {
  return from.type !== to.type || from.target !== to.target;
}

/** Whether the same bytes come with another mode or owner. */
export function differsInMetadata(from: Side, to: Side): boolean {
  // The mode of a symbolic link means nothing.
  const names = from.type === "symlink" ? (["uid", "gid"] as const) : (["mode", "uid", "gid"] as const);
  return names.some((name) => from[name] !== to[name]);
}

export interface Tally {
  readonly add: (change: Change | "equal") => void;
  readonly report: (from: string, to: string) => DiffReport;
}

export function tallyChanges(): Tally {
  const counts = { equal: 0, ...(Object.fromEntries(CHANGES.map((name) => [name, 0])) as Record<Change, number>) };
  return {
    add: (change) => void counts[change]++,
    report(from, to) {
      const equal = CHANGES.every((change) => change === "uncompared" || counts[change] === 0);
      return { outcome: "compared", from, to, equal, counts };
    },
  };
}

/** Takes the differences as they are found; false when no more are wanted. */
export type OnDifference = (difference: Difference) => boolean;
