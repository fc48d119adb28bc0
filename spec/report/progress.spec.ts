import { expect } from "chai";
import type { Event } from "../../lib/report/events.js";
import { advance, progressLine, type Progress } from "../../lib/report/progress.js";

const MIB = 1024 ** 2;

function after(...events: readonly [now: number, event: Event][]): Progress {
  let progress: Progress | undefined;
  for (const [now, event] of events) progress = advance(progress, event, now);
  if (progress === undefined) throw new Error("no phase began");
  return progress;
}

describe("progress", () => {
  const archiving: [number, Event] = [
    1000,
    { type: "phase", phase: "archive", totalFiles: 3000, totalBytes: 300 * MIB },
  ];

  it("shows phase, files, bytes, rate and time left", () => {
    const progress = after(archiving, [3000, { type: "progress", files: 1000, bytes: 100 * MIB }]);
    expect(progressLine(progress, 3000, 120)).to.equal(
      "archiving  1,000 of 3,000 files  100 MiB of 300 MiB  50 MiB/s  4 s left",
    );
  });

  it("shows neither rate nor time left before a second is over", () => {
    const progress = after(archiving, [1500, { type: "progress", files: 1, bytes: MIB }]);
    expect(progressLine(progress, 1500, 120)).to.equal("archiving  1 of 3,000 files  1.0 MiB of 300 MiB");
  });

  it("shows no time left when everything is read, nor where more came than was announced", () => {
    for (const bytes of [300 * MIB, 400 * MIB]) {
      const progress = after(archiving, [11_000, { type: "progress", files: 3000, bytes }]);
      expect(progressLine(progress, 11_000, 120)).to.match(/MiB\/s$/);
    }
  });

  it("shows no rate of a phase without a total", () => {
    const progress = after([0, { type: "phase", phase: "freeze" }], [5000, { type: "progress", files: 2, bytes: MIB }]);
    expect(progressLine(progress, 5000, 120)).to.equal("freezing  2 files  1.0 MiB");
  });

  it("begins anew with each phase", () => {
    const progress = after(
      archiving,
      [3000, { type: "progress", files: 5, bytes: 5 }],
      [4000, { type: "phase", phase: "verify" }],
    );
    expect(progressLine(progress, 9000, 120)).to.equal("verifying  0 files");
  });

  it("fits the terminal, with room for ^C", () => {
    const progress = after(archiving, [3000, { type: "progress", files: 1000, bytes: 100 * MIB }]);
    for (const columns of [200, 80, 40, 4, 3, 1, 0]) {
      expect(progressLine(progress, 3000, columns).length).to.be.at.most(Math.max(0, columns - 3));
    }
  });

  it("is nothing before the first phase, and untouched by warnings", () => {
    expect(advance(undefined, { type: "progress", files: 1, bytes: 1 }, 0)).to.equal(undefined);
    const progress = after(archiving);
    expect(advance(progress, { type: "warning", message: "x" }, 9)).to.equal(progress);
  });
});
