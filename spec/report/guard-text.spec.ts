import { expect } from "chai";
import type { Held } from "../../lib/guard-status.js";
import type { GuardReport, GuardReturn } from "../../lib/report/guard-report.js";
import { guardLines, returnLines, statusLines } from "../../lib/report/guard-text.js";

const BACK: GuardReturn = { ok: true, id: "1", places: [{ path: "/s", how: "rename" }], left: [], next: "clean" };

const REPORT: GuardReport = {
  ...{ outcome: "rolled-back", id: "1", archive: "/b/x.tar", command: { argv: ["x"] }, warnings: [] },
  ...{ failure: "the probe exited 1: curl x", rollback: BACK },
};

describe("what guard tells", () => {
  it("shows what the probe that failed has said", () => {
    const probe = { ok: false, attempts: 3, how: "exited 1", said: "no\nanswer" };
    expect(guardLines({ ...REPORT, probe }).slice(0, 3)).to.deep.equal([
      "holdstill: the probe exited 1: curl x",
      "  no",
      "  answer",
    ]);
  });

  it("shows what a command said that stands in the way, line by line, and what to do after that", () => {
    const rollback = { ...BACK, ok: false, why: "the start command exited 1: run\nno\nport", next: "See to it." };
    expect(returnLines(rollback)).to.deep.equal([
      "holdstill: it could not be rolled back: the start command exited 1: run",
      ...["  no", "  port", "See to it."],
    ]);
  });

  it("says that something is kept only where there was something", () => {
    expect(returnLines(BACK)).to.deep.equal(["holdstill: rolled back: /s is as it was"]);
    const kept = { ...BACK, places: [{ path: "/s", failed: "/s.failed-1", how: "rename" as const }] };
    expect(returnLines(kept).slice(1)).to.deep.equal([
      "What was there is kept: /s.failed-1",
      "When that is needed no more: clean",
    ]);
  });
});

describe("what guard status tells", () => {
  const held: Held = {
    ...{ id: "1", kind: "guard", phase: "running", unfinished: true, next: "judge", command: ["up"], archive: "" },
    ...{ trees: [], resume: "holdstill guard resume --output /b" },
  };
  const told = (one: Held): string[] => statusLines({ held: [one], bytes: 0, directories: ["/b"] });

  it("is who is at work on a command that is under way", () => {
    expect(told({ ...held, holder: "process 7" })).to.deep.equal(["1  guard -- up: under way (running): process 7"]);
  });

  it("is what goes on with one that was cut off", () => {
    expect(told(held)).to.deep.equal([
      "1  guard -- up: not finished (running); on or back with: holdstill guard resume --output /b",
    ]);
  });
});
