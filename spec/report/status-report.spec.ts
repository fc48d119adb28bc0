import { expect } from "chai";
import type { GoodArchive } from "../../lib/report/list-report.js";
import type { RunRecord } from "../../lib/report/run-record.js";
import { statusOf } from "../../lib/report/status-report.js";
import { statusLines } from "../../lib/report/status-text.js";
import { failedRun, publishedRun } from "./runs.js";
import { skipped } from "./sample.js";

const NOW = Date.parse("2026-11-25T12:00:00.000Z");
const HOUR = 3_600_000;

function archive(hours: number, changes: Partial<GoodArchive> = {}): GoodArchive {
  const createdAt = new Date(NOW - hours * HOUR).toISOString();
  return {
    ...{ archive: `/backup/${hours}.tar`, name: `${hours}.tar`, ok: true, holdstill: true, id: `${hours}`, tool: "t" },
    ...{ createdAt, ageMs: Math.max(0, hours * HOUR), host: "h", profile: "directory", sources: ["/s"] },
    ...{
      files: 2,
      directories: 1,
      symlinks: 0,
      hardlinks: 0,
      databases: 0,
      bytes: 1000,
      archiveBytes: 100,
      sha256: "",
    },
    ...{ verified: true, complete: true, incomplete: false, skipped: 0, excluded: 0, unstable: 0 },
    ...changes,
  };
}

function status(archives: readonly GoodArchive[], records: readonly RunRecord[] = [], maxAgeMs = 26 * HOUR) {
  const facts = { directories: ["/backup"], archives, records, next: null, warnings: [] };
  return statusOf(facts, maxAgeMs, NOW);
}

describe("status of backups", () => {
  const AT_THREE = Date.parse("2026-11-25T03:00:00.000Z");
  const delivered = { to: "rclone:nas:b", compared: "sha256", resumed: [], removedLocal: [] } as const;

  it("counts what a run has brought elsewhere, as long as that is complete and was read back", () => {
    const ageMs = NOW - AT_THREE;
    const found = status([archive(50)], [publishedRun(1, { delivered, archive: "/b/x.tar" }), publishedRun(2)]);
    expect(found.outcome).to.equal("fresh");
    expect(found.elsewhere).to.include({ destination: "rclone:nas:b", name: "x.tar", ageMs });
    expect(status([], [publishedRun(1, { delivered })], ageMs - 1).outcome).to.equal("stale");
    for (const changes of [{ complete: false }, { verified: false }]) {
      expect(status([], [publishedRun(1, { delivered, ...changes })])).to.include({ outcome: "none", elsewhere: null });
    }
  });

  for (const [what, archives, outcome, name] of [
    ["fresh where the newest is young enough", [archive(50), archive(26)], "fresh", "26.tar"],
    ["stale where it is older", [archive(50), archive(27)], "stale", "27.tar"],
    ["none where there is no archive", [], "none", undefined],
    ["none where the only one is incomplete", [archive(1, { complete: false })], "none", undefined],
    ["none where the only one is not verified", [archive(1, { verified: false })], "none", undefined],
    ["none where nobody can know", [archive(1, { verified: null, complete: null })], "none", undefined],
    ["by the newest good one", [archive(5), archive(1, { complete: false })], "fresh", "5.tar"],
  ] as const) {
    it(`is ${what}`, () => {
      const { outcome: found, last } = status(archives);
      expect([found, last?.name]).to.deep.equal([outcome, name]);
    });
  }

  it("does not count what is from the future, and says so", () => {
    const { outcome, warnings } = status([archive(30), archive(-2)]);
    expect(outcome).to.equal("stale");
    expect(warnings).to.deep.equal(["/backup/-2.tar is from the future, and does not count"]);
    expect(status([archive(-0.01)]).outcome).to.equal("fresh");
  });

  it("compares the size with those before it of the same sources", () => {
    const of = (hours: number, archiveBytes: number, source = "/s") =>
      archive(hours, { archiveBytes, sources: [source] });
    const { last, warnings } = status([of(5, 1, "/other"), of(4, 100), of(3, 200), of(2, 180)]);
    expect(last?.trend).to.deep.equal({ archives: 2, averageBytes: 150, change: 180 / 150 - 1 });
    expect(warnings).to.deep.equal([]);
    expect(status([of(2, 100)]).last?.trend).to.equal(null);
    expect(status([of(4, 100), of(2, 49)]).warnings).to.deep.equal([
      "the newest archive is less than half as large as those before it",
    ]);
  });

  describe("says that skips grow", () => {
    const vanishing = (at: number, ...paths: readonly string[]) =>
      publishedRun(at, { skipped: skipped("vanished", ...paths) });

    it("where a path vanished in three runs", () => {
      const two = [vanishing(1, "a", "b"), failedRun(2), vanishing(3, "a", "c")];
      expect(status([], two).skips).to.deep.include({ growing: false, recurring: [], vanished: ["a", "c"] });
      expect(status([], [...two, vanishing(4, "a")]).skips).to.deep.include({
        growing: true,
        recurring: [{ path: "a", runs: 3 }],
      });
    });

    it("but not where that was long ago", () => {
      const calm = Array.from({ length: 8 }, (_, index) => vanishing(10 + index));
      expect(status([], [1, 2, 3].map((at) => vanishing(at, "a")).concat(calm)).skips?.growing).to.equal(false);
    });

    it("where more than one in a hundred was lost in the last run, sockets aside", () => {
      const of = (files: number, reason: "vanished" | "unreadable" | "special") => {
        const { counts } = { counts: { files, directories: 0, symlinks: 0, hardlinks: 0, databases: 0, bytes: 0 } };
        return status([], [publishedRun(1, { counts, skipped: skipped(reason, "x") })]).skips;
      };
      expect(of(99, "vanished")).to.include({ share: 0.01, growing: false });
      expect(of(98, "vanished")?.growing).to.equal(true);
      expect(of(98, "unreadable")?.growing).to.equal(true);
      expect(of(1, "special")).to.include({ share: 0, growing: false });
    });
  });

  it("tells the last failure and why, also where a run was good since", () => {
    const { lastRun, lastFailure } = status([], [failedRun(1), failedRun(2), publishedRun(3)]);
    expect([lastRun?.run, lastFailure?.run]).to.deep.equal(["run 3", "failed 2"]);
  });

  it("is told to people in a few lines", () => {
    const records = [failedRun(1), publishedRun(2, { skipped: skipped("unreadable", "x") })];
    expect(statusLines(status([archive(4, { archiveBytes: 50 }), archive(3)], records))).to.deep.equal([
      "Fresh: the last complete, verified backup is 3 h old.",
      "  /backup/3.tar",
      "  100 B, from 1000 B in 2 files; 100 % more than the one before.",
      "Skipped in the last archive: 1 unreadable.",
      "  could not be read: x",
      "Last run: 2026-11-25 03:02:00 UTC, complete, after 2 min 0 s",
      "Last failure: 2026-11-25 03:01:00 UTC, exit code 11: in use: /backup/.holdstill/lock",
      "Next run: unknown; no timer of holdstill tells",
    ]);
    expect(statusLines(status([archive(50)]))[0]).to.equal(
      "Stale: the last complete, verified backup is 2 d old, and 26 h are allowed.",
    );
  });
});
