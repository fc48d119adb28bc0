import { expect } from "chai";
import { parseRecord, printRecord, recordOf } from "../../lib/report/run-record.js";
import { failedRun, publishedRun } from "./runs.js";
import { reportWith, skipped } from "./sample.js";

describe("run record", () => {
  it("tells what was published and what was skipped", () => {
    const report = {
      ...{ archive: "/backup/x.tar", id: "1", bytes: 10, complete: false },
      skipped: [...skipped("vanished", "a", "b"), ...skipped("special", "s"), ...skipped("unreadable", "u")],
      excluded: { count: 4, rules: [] },
    };
    expect(publishedRun(2, report)).to.deep.include({
      ...{ run: "run 2", startedAt: "2026-11-25T03:00:00.000Z", endedAt: "2026-11-25T03:02:00.000Z" },
      ...{ durationMs: 120_000, outcome: "success", exitCode: 0, archive: "x.tar", id: "1", bytes: 10, files: 3001 },
      ...{ verified: true, complete: false, vanished: ["a", "b"], unreadable: ["u"] },
      skipped: { vanished: 2, special: 1, unreadable: 1, excluded: 4 },
    });
  });

  it("tells why a run failed", () => {
    expect(failedRun()).to.deep.include({
      ...{ outcome: "failure", exitCode: 11 },
      error: { code: "locked", message: "in use", path: "/backup/.holdstill/lock" },
    });
  });

  it("names fifty paths of a kind, and fewer where they are long", () => {
    const many = (length: number) =>
      skipped("vanished", ...Array.from({ length: 99 }, (_, i) => `${i}`.padEnd(length)));
    expect(publishedRun(1, { skipped: many(10) }).vanished).to.have.lengthOf(50);
    const long = publishedRun(1, { skipped: many(4000) });
    expect(long.vanished).to.have.lengthOf(2);
    expect(long.skipped.vanished).to.equal(99);
  });

  it("withholds paths where it is to", () => {
    const facts = { run: "r", startedMs: 0, endedMs: 1, label: undefined, paths: "withheld" } as const;
    const report = reportWith({ skipped: [...skipped("vanished", "secret"), ...skipped("unreadable", "secret")] });
    const failure = { code: "io", message: "EIO: secret", path: "/secret" } as const;
    const lines = [
      printRecord(recordOf({ outcome: "success", exitCode: 0, report }, facts)),
      printRecord(recordOf({ outcome: "failure", exitCode: 70, failure }, facts)),
    ];
    expect(lines.join("")).to.include('"vanished":1').and.to.include('"code":"io"').and.not.to.include("secret");
  });

  it("is read as it was written", () => {
    for (const record of [publishedRun(1, { skipped: skipped("vanished", "a\u2028\n") }), failedRun()]) {
      expect(printRecord(record)).to.match(/^[^\n]+\n$/);
      expect(parseRecord(printRecord(record))).to.deep.equal(record);
    }
  });

  it("is not read from what it is not", () => {
    const { outcome: _, ...nameless } = publishedRun();
    for (const line of [
      "",
      "{",
      "null",
      "[]",
      "{}",
      JSON.stringify(nameless),
      printRecord(publishedRun()).slice(0, -9),
    ]) {
      expect(parseRecord(line), line).to.equal(undefined);
    }
    const { error: __, ...unexplained } = failedRun();
    expect(parseRecord(JSON.stringify(unexplained))).to.equal(undefined);
    for (const key of ["files", "skipped", "vanished", "endedAt", "verified", "timings"]) {
      expect(parseRecord(JSON.stringify({ ...publishedRun(), [key]: "x" })), key).to.equal(undefined);
    }
  });
});
