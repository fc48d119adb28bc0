import { expect } from "chai";
import { metricsText } from "../../lib/report/metrics-text.js";
import { failedRun, publishedRun } from "./runs.js";
import { skipped } from "./sample.js";

describe("metrics", () => {
  it("are in the text format of Prometheus", () => {
    const lastPublished = publishedRun(2, { bytes: 7, skipped: skipped("vanished", "a", "b") });
    const metrics = { directory: '/b "x"\\', lastSuccessMs: 1500, lastRun: failedRun(3), lastPublished };
    const lines = metricsText([metrics]).split("\n");
    const label = 'directory="/b \\"x\\"\\\\"';
    expect(lines).to.include.members([
      "# TYPE holdstill_last_success_timestamp_seconds gauge",
      `holdstill_last_success_timestamp_seconds{${label}} 1.5`,
      `holdstill_last_run_timestamp_seconds{${label}} ${Date.parse("2026-11-25T03:03:00Z") / 1000}`,
      `holdstill_last_run_exit_code{${label}} 11`,
      `holdstill_last_run_duration_seconds{${label}} 180`,
      `holdstill_archive_bytes{${label}} 7`,
      `holdstill_files{${label},verdict="exact"} 3001`,
      `holdstill_files{${label},verdict="unstable"} 0`,
      `holdstill_skipped{${label},reason="vanished"} 2`,
    ]);
    const sample = /^(#( HELP| TYPE) holdstill_\w+ .+|holdstill_\w+\{(\w+="([^"\\\n]|\\["\\n])*",?)+\} [\d.e+-]+|)$/;
    for (const line of lines) expect(line).to.match(sample);
  });

  it("describe a metric once, of however many directories", () => {
    const none = { lastSuccessMs: undefined, lastRun: undefined, lastPublished: undefined };
    const text = metricsText([
      { directory: "/a", ...none },
      { directory: "/b", ...none },
    ]);
    expect(text.match(/^#/gm)).to.have.lengthOf(2);
    expect(text).to.match(/directory="\/a"\} 0\n.*directory="\/b"\} 0\n$/);
  });
});
