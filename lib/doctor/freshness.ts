import { freshnessLine } from "../report/status-text.js";
import type { StatusReport } from "../report/status-report.js";
import { findings, type Finding } from "./finding.js";

const found = findings("freshness");

/** What `status` says, as findings: whether there is a fresh backup, and what somebody should look into. */
export function checkFreshness(status: StatusReport): Finding[] {
  const { outcome, skips, warnings } = status;
  const growing = skips?.growing === true;
  return [
    fresh(outcome, freshnessLine(status)),
    ...(growing
      ? [found("warn", "the same files are missing again and again, or more and more", "holdstill status")]
      : []),
    ...warnings.map((text) => found("warn", text, "Look at it with holdstill list; if clocks differ, set them right.")),
  ];
}

/** Who has no archive yet is told how to make one; who has none that is good has lost something. */
function fresh(outcome: StatusReport["outcome"], text: string): Finding {
  switch (outcome) {
    case "fresh":
      return found("ok", text);
    case "missing":
      return found("warn", text, "holdstill create");
    case "none":
    case "stale":
      return found("bad", text, "See why: holdstill status; or make one: holdstill create");
  }
}
