import type { CreateReport, SkippedPath } from "../../lib/report/create-report.js";

/** A run in which nothing happened that would have to be told. */
export function reportWith(changes: Partial<CreateReport> = {}): CreateReport {
  return {
    outcome: "published",
    archive: "/backup/20261123T130000Z-openclaw.tar.zst",
    id: "0123",
    bytes: 345 * 1024 ** 2,
    sha256: "00",
    verified: true,
    complete: true,
    sources: [{ path: "/home/u/.openclaw", stage: "/home/u/.holdstill-stage-1", method: "link" }],
    frozen: { from: "2026-11-23T13:00:00.000Z", to: "2026-11-23T13:00:00.240Z", ms: 240 },
    counts: { files: 3001, directories: 40, symlinks: 0, hardlinks: 0, databases: 2, bytes: 1.2 * 1024 ** 3 },
    capture: { clone: 0, link: 2999, copy: 0, database: 2 },
    verdicts: { exact: 3001, prefix: 0, recaptured: 0, unstable: 0 },
    settlePasses: 1,
    settled: true,
    skipped: [],
    unstable: [],
    excluded: { count: 0, rules: [] },
    profile: "openclaw",
    cut: { files: 0, bytes: 0 },
    upstream: { verifiable: true, reasons: [] },
    compression: "zstd",
    warnings: [],
    timings: { freezeMs: 240, archiveMs: 4100, verifyMs: 1200, totalMs: 5600 },
    ...changes,
  };
}

export function skipped(reason: SkippedPath["reason"], ...paths: readonly string[]): SkippedPath[] {
  return paths.map((path) => ({ path, source: 0, reason }));
}
