import type { Bytes } from "../../lib/bytes.js";
import type { Journal, Place } from "../../lib/guard/journal.js";

export const bytes = (path: string): Bytes => path as Bytes;

export function place(replaced: Partial<Place> = {}): Place {
  return {
    ...{ source: 0, within: bytes("."), live: bytes("/s"), type: "directory", how: "rename", pinned: [], omitted: [] },
    ...{ fresh: bytes("/s.restored-1"), failed: bytes("/s.failed-1"), prepared: false },
    ...replaced,
  };
}

/** A place whose contents are exchanged. */
export function pinnedPlace(...pinned: readonly string[]): Place {
  const area = "/s/.holdstill-guard-1";
  return place({
    ...{ how: "contents", pinned: pinned.map(bytes) },
    ...{ fresh: bytes(`${area}/restored`), failed: bytes(`${area}/failed`) },
  });
}

export function journal(replaced: Partial<Journal> = {}): Journal {
  return {
    ...{ id: "1", mark: "1-a", kind: "guard", phase: "failed", archive: "/b/x.tar.zst", profile: "openclaw" },
    ...{ command: ["npm", "install"], version: "2026.9.6", rollbackIsProposed: true },
    actions: { stop: "stop", start: undefined, probe: "probe", rollback: "npm i" },
    ...{ probeMs: 1, probeEveryMs: 2, graceMs: 3, includeWorkspace: false, places: [place()], mounts: [], moves: [] },
    ...{ roots: [bytes("/s")], links: [{ path: bytes("/l"), target: bytes("s") }] },
    ...replaced,
  };
}
