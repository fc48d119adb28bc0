import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { StatusReport } from "../../lib/report/status-report.js";
import { EMPTY_VAULT, holdstill, made, world } from "./holdstill.js";

describe("holdstill status", () => {
  it("ends with 3 and says so where there is no archive directory, and makes none", () => {
    const here = world();
    const text = holdstill(here, ["status", "--output", "archives"]);
    expect({ status: text.status, stderr: text.stderr }).to.deep.equal({ status: 3, stderr: "" });
    expect(text.stdout).to.match(/^Nothing is fresh: there is no archive directory .*archives\.\n/);
    const json = holdstill(here, ["status", "--output", "archives", "--json"]);
    expect(json.status).to.equal(3);
    expect(JSON.parse(json.stdout)).to.include({ outcome: "missing", last: null });
    expect(holdstill(here, ["status", "--quiet"]).stderr).to.match(/^holdstill: Nothing is fresh/);
    expect(made(here)).to.deep.equal([]);
  });

  it("ends with 0 after a backup, and with 3 once it is older than configured or asked for", () => {
    const here = world();
    const config = join(here.home, "holdstill.yaml");
    writeFileSync(config, `source: source\noutput: archives\nprometheus: x.prom\nstatus:\n  maxAge: 0\n`);
    expect(holdstill(here, ["create", "--config", config]).status).to.equal(0);
    expect(readFileSync(join(here.home, "x.prom"), "utf8")).to.match(/^holdstill_last_run_exit_code\{.*\} 0$/m);
    const asked = ["status", "--config", config, "--max-age", "1h", "--prometheus", "y.prom"];
    const fresh = holdstill(here, asked);
    expect(fresh.status).to.equal(0);
    expect(fresh.stdout).to.match(/^Fresh: .*\n {2}\/.*\.tar.*\n/);
    expect(readFileSync(join(here.home, "y.prom"), "utf8")).to.match(/^holdstill_last_success_timestamp_seconds\{/m);
    appendFileSync(join(here.output, ".holdstill/runs.jsonl"), "garbage\n");
    const stale = holdstill(here, ["status", "--config", config, "--json"]);
    expect(stale.status).to.equal(3);
    const report = JSON.parse(stale.stdout) as StatusReport;
    expect(report.outcome).to.equal("stale");
    expect(report.lastRun).to.include({ outcome: "success", exitCode: 0 });
    expect(stale.stderr).to.match(/^holdstill: warning: damaged lines in .*runs\.jsonl are ignored: 1\n$/);
  });

  it("tells of a failure with its exit code", () => {
    const here = world();
    const args = ["create", "--source", here.source, "--output", here.output];
    expect(holdstill(here, args).status).to.equal(0);
    expect(holdstill(here, ["create", "--source", "no/such", "--output", here.output]).status).to.equal(66);
    const { status, stdout } = holdstill(here, ["status", "--output", here.output]);
    expect(status).to.equal(0);
    expect(stdout).to.match(/^The last run failed: .* exit code 66: the source does not exist: .*no\/such$/m);
    expect(made(here)).to.include.members(EMPTY_VAULT);
  });
});
