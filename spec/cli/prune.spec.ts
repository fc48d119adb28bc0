import { expect } from "chai";
import { run } from "../../lib/cli/program.js";
import type { CreateOptions } from "../../lib/create.js";
import type { PruneOptions } from "../../lib/prune.js";
import type { CreateReport, Pruned } from "../../lib/report/create-report.js";
import type { PruneReport } from "../../lib/report/prune-report.js";
import { reportWith } from "../report/sample.js";
import { collectingShell, only } from "./collecting-shell.js";

const GROUP = { profile: "directory", host: "here", sources: ["/s"] };

const REPORT: PruneReport = {
  outcome: "pruned",
  directories: ["/d"],
  groups: [GROUP],
  kept: [{ archive: "/d/b.tar", createdAt: "2026-01-02", bytes: 2048, group: 0, reasons: ["last", "newest complete"] }],
  removed: [{ archive: "/d/a-long-name.tar", createdAt: "2026-01-01", bytes: 1024, group: 0 }],
  ...{ failed: [], damaged: [], notOurs: [], freedBytes: 1024 },
};

async function prune(args: readonly string[], report: PruneReport = REPORT) {
  const asked: { readonly options: PruneOptions; readonly planned: boolean }[] = [];
  const answer = (planned: boolean) => async (options: PruneOptions) => {
    asked.push({ options, planned });
    return planned ? { ...report, outcome: "planned" as const } : report;
  };
  const { shell, out, err } = collectingShell();
  const code = await run(["prune", ...args], shell, only({ prune: answer(false), planPrune: answer(true) }));
  return { code, out: out(), err: err(), asked };
}

async function create(args: readonly string[], pruned?: Pruned) {
  const asked: CreateOptions[] = [];
  const answer = async (options: CreateOptions): Promise<CreateReport> => {
    asked.push(options);
    return { ...reportWith(), ...(pruned && { pruned }) };
  };
  const { shell, out, err } = collectingShell();
  const code = await run(["create", ...args], shell, only({ create: answer }));
  return { code, out: out(), err: err(), asked };
}

const RULES =
  "--keep-last 1 --keep-hourly 2 --keep-daily 3 --keep-weekly 4 --keep-monthly -1 --keep-yearly unlimited " +
  "--keep-within 2y5m7d3h --keep-label a --keep-label=b";
const POLICY = {
  ...{ keepLast: 1, keepHourly: 2, keepDaily: 3, keepWeekly: 4, keepMonthly: -1, keepYearly: -1 },
  keepWithin: { years: 2, months: 5, days: 7, hours: 3 },
  keepLabel: ["a", "b"],
};

describe("prune on the command line", () => {
  it("passes every rule on", async () => {
    const { code, asked } = await prune([...RULES.split(" "), "--output", "/d", "--wait", "5m"]);
    expect(code).to.equal(0);
    expect(asked).to.deep.equal([{ options: { policy: POLICY, output: "/d", waitMs: 300_000 }, planned: false }]);
  });

  it("prints a table, the oldest first, and what it comes to", async () => {
    expect(await prune(["--keep-last", "1"])).to.include({
      code: 0,
      out:
        "removed  /d/a-long-name.tar  1.0 KiB\n" +
        "kept     /d/b.tar            2.0 KiB  last, newest complete\n" +
        "Removed 1 archive, 1.0 KiB; 1 archive stays.\n",
      err: "",
    });
  });

  it("only plans with --dry-run, and says so", async () => {
    const { out, asked } = await prune(["--keep-last", "1", "--dry-run"]);
    expect(asked[0]?.planned).to.equal(true);
    expect(out)
      .to.match(/^remove {2}\/d\/a/)
      .and.include("Would remove 1 archive, 1.0 KiB; 1 archive would stay.");
  });

  it("has a table for each group where there are several", async () => {
    const groups = [GROUP, { ...GROUP, sources: ["/t", "/u"] }];
    const { out } = await prune(["--keep-last", "1"], { ...REPORT, groups });
    expect(out).to.include("/s (directory) on here:\n").and.include("/t, /u (directory) on here:\n");
  });

  it("prints the report as JSON, and nothing else", async () => {
    const { out, err } = await prune(["--keep-last", "1", "--json"], {
      ...REPORT,
      damaged: [{ path: "/x", reason: "y" }],
    });
    expect(JSON.parse(out)).to.deep.include({ outcome: "pruned", kept: REPORT.kept, removed: REPORT.removed });
    expect(err).to.equal("");
  });

  it("exits 3 when something could not be removed, and names it even with --quiet", async () => {
    const failed = [{ path: "/d/c.tar", error: { code: "io", message: "EPERM: not permitted" } as const }];
    const { code, out, err } = await prune(["--keep-last", "1", "--quiet"], { ...REPORT, failed });
    expect({ code, out, err }).to.deep.equal({ code: 3, out: "", err: "holdstill: EPERM: not permitted: /d/c.tar\n" });
  });

  it("names what is damaged, and what is not ours", async () => {
    const damaged = [{ path: "/d/x.tar", reason: "it is empty" }];
    const notOurs = [{ path: "/d/\u001bnotes", reason: "no archive" }];
    const { code, out, err } = await prune(["--keep-last", "1"], { ...REPORT, damaged, notOurs });
    expect(code).to.equal(0);
    expect(err).to.match(/^holdstill: warning: damaged, and kept: \/d\/x.tar \(it is empty\)\n/);
    expect(out).to.include("Not ours, and left alone:\n  /d/\\u001bnotes (no archive)\n");
  });

  for (const args of [
    "--keep-last x",
    "--keep-last -2",
    "--keep-last 1.5",
    "--keep-within 3w",
    "--keep-last 1 a",
    "--keep-label",
  ]) {
    it(`refuses "${args}" with 64, and nothing runs`, async () => {
      const { code, asked } = await prune(args.split(" "));
      expect({ code, asked }).to.deep.equal({ code: 64, asked: [] });
    });
  }
});

describe("create --prune on the command line", () => {
  it("takes the same rules", async () => {
    expect((await create(["--prune", ...RULES.split(" ")])).asked[0]?.retention).to.deep.equal(POLICY);
    expect((await create([])).asked[0]?.retention).to.equal(undefined);
  });

  it("refuses rules without --prune", async () => {
    const { code, err, asked } = await create(["--keep-last", "1"]);
    expect({ code, err, asked }).to.deep.include({ code: 64, asked: [] });
    expect(err).to.include("--keep-last goes with --prune");
  });

  const RETAIN = ["--prune", "--keep-last", "1"];

  it("says what was removed, and exits 0", async () => {
    const { code, out } = await create(RETAIN, REPORT);
    expect(code).to.equal(0);
    expect(out).to.match(/\nRemoved 1 archive, 1\.0 KiB; 1 archive stays\.\n$/);
  });

  it("exits 3 when old archives could not be removed, and still tells of the new one", async () => {
    const error = { code: "io", message: "EIO: i/o error" } as const;
    for (const pruned of [
      { outcome: "failed", error },
      { ...REPORT, failed: [{ path: "/d/a", error }] },
    ] as const) {
      const { code, out, err } = await create(RETAIN, pruned);
      expect(code).to.equal(3);
      expect(out).to.match(/^Wrote /);
      expect(err).to.include("EIO: i/o error");
    }
  });
});
