import { expect } from "chai";
import { createLines, planLines, problemLines, vanishedLines } from "../../lib/report/text.js";
import { reportWith, skipped } from "./sample.js";

describe("text of create", () => {
  it("says of an uneventful run what was written, from what, how long it took, and that it was verified", () => {
    expect(createLines(reportWith())).to.deep.equal([
      "Wrote /backup/20261123T130000Z-openclaw.tar.zst",
      "345 MiB, from 1.2 GiB in 3,001 files, 40 directories, 2 databases.",
      "Frozen in 240 ms (2,999 linked, 2 databases by SQLite's backup), archived in 4.1 s.",
      "Verified in 1.2 s: every entry was read back and compared.",
    ]);
  });

  it("says that an archive was not verified, or is incomplete", () => {
    const lines = createLines(reportWith({ verified: false, complete: false }));
    expect(lines[0]).to.match(/, which is incomplete\.$/);
    expect(lines).to.include("Not verified (--no-verify).");
  });

  it("names the three rules that excluded most", () => {
    const rules = [
      { rule: "*.pid", count: 1 },
      { rule: "node_modules/", count: 3000 },
      { rule: "unused", count: 0 },
      { rule: "*.log", count: 2 },
      { rule: "openclaw:npm", count: 7 },
    ];
    expect(createLines(reportWith({ excluded: { count: 3010, rules } }))).to.include(
      "Excluded 3,010 paths: node_modules/ (3,000), openclaw:npm (7), *.log (2), and by 1 more rule.",
    );
  });

  it("puts every verdict but exact in words", () => {
    const verdicts = { exact: 1, prefix: 8, recaptured: 1, unstable: 1 };
    const lines = createLines(reportWith({ verdicts, unstable: [{ path: "hot.bin", source: 0 }] }));
    expect(lines).to.include("8 files grew after the freeze: archived as at the freeze, without what came later.");
    expect(lines).to.include("1 file changed after the freeze: archived whole, as of a later moment.");
    const unstable = lines.indexOf("1 file was being rewritten without a pause; the last reading is archived:");
    expect(lines[unstable + 1]).to.equal("  hot.bin");
  });

  it("names ten unreadable paths and counts the rest", () => {
    const paths = Array.from({ length: 1234 }, (_, index) => `p${index}`);
    const lines = problemLines(reportWith({ skipped: skipped("unreadable", ...paths) }));
    expect(lines).to.deep.equal([
      "Could not read 1,234 paths:",
      ...paths.slice(0, 10).map((path) => `  ${path}`),
      "  and 1,224 more; --json names all",
    ]);
  });

  it("says why a path could not be read", () => {
    const report = reportWith({ skipped: [{ path: "key", source: 0, reason: "unreadable", detail: "EACCES" }] });
    expect(problemLines(report)).to.deep.equal(["Could not read 1 path:", "  key (EACCES)"]);
  });

  it("says that a tree never settled", () => {
    expect(problemLines(reportWith({ settled: false, settlePasses: 20 }))).to.deep.equal([
      "The tree was still moving after 20 passes: a file that was renamed meanwhile may be missing.",
    ]);
  });

  it("names special files without taking them for a problem", () => {
    const report = reportWith({ skipped: skipped("special", "run/sock") });
    expect(problemLines(report)).to.deep.equal([]);
    expect(createLines(report).slice(-2)).to.deep.equal(["1 socket, FIFO or device is not archived:", "  run/sock"]);
  });

  it("says why OpenClaw will not take the archive of a state, and nothing of it for other directories", () => {
    const upstream = { verifiable: false, reasons: ["a and A are one name to it"] };
    expect(createLines(reportWith({ upstream })).slice(-2)).to.deep.equal([
      "`openclaw backup verify` will not take this archive:",
      "  a and A are one name to it",
    ]);
    expect(createLines(reportWith({ profile: "directory", upstream }))).to.deep.equal(createLines(reportWith({})));
  });

  it("says how much of unfinished lines was left off", () => {
    const lines = createLines(reportWith({ cut: { files: 2, bytes: 30 } }));
    expect(lines).to.include("2 files ended in half a line: 30 B left off.");
  });

  it("does not count the sidecars of databases among what was excluded", () => {
    const rules = [{ rule: "sqlite:sidecar", count: 2 }];
    expect(createLines(reportWith({ excluded: { count: 2, rules } }))).to.deep.equal(createLines(reportWith({})));
  });
});

describe("text of vanished files", () => {
  const vanished = (...paths: readonly string[]) =>
    vanishedLines(reportWith({ skipped: skipped("vanished", ...paths) }));

  it("says nothing where none vanished", () => expect(vanished()).to.deep.equal([]));

  it("knows one session file from several", () => {
    expect(vanished("agents/main/sessions/a.jsonl")).to.deep.equal([
      "Skipped 1 session file removed by concurrent cleanup.",
    ]);
    expect(vanished("agents/a/sessions/a.jsonl", "agents/b/sessions/b.jsonl", "agents/b/sessions/x/c")).to.deep.equal([
      "Skipped 3 session files removed by concurrent cleanup.",
    ]);
  });

  it("says file of what lies elsewhere", () => {
    expect(vanished("agents/main/agent/x", "agents/sessions/x", "x/agents/a/sessions/y")).to.deep.equal([
      "Skipped 3 files removed by concurrent cleanup.",
    ]);
  });

  it("gives each kind its sentence, at the very end", () => {
    const report = reportWith({ skipped: skipped("vanished", "agents/a/sessions/a.jsonl", "logs/x"), settled: false });
    expect(createLines(report).slice(-2)).to.deep.equal([
      "Skipped 1 file removed by concurrent cleanup.",
      "Skipped 1 session file removed by concurrent cleanup.",
    ]);
  });
});

describe("text of a plan", () => {
  it("names the archive, each source and every rule", () => {
    const rules = ["a", "b", "c", "d"].map((rule) => ({ rule, count: 1 }));
    const lines = planLines({
      outcome: "planned",
      archive: "/b/x.tar",
      compression: "none",
      sources: [{ path: "/s", files: 2, bytes: 1024, excluded: [] }],
      counts: { files: 2, directories: 1, bytes: 1024 },
      excluded: { count: 4, rules },
      problems: [],
    });
    expect(lines).to.deep.equal([
      "Would write /b/x.tar (not compressed)",
      "  /s: 2 files, 1.0 KiB",
      "In all 2 files and 1 directory, 1.0 KiB.",
      "Excluded 4 paths: a (1), b (1), c (1), d (1).",
    ]);
  });
});
