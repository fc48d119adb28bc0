import { expect } from "chai";
import { HoldstillError } from "../../lib/errors.js";
import { namedSnapshot, type Snapshot } from "../../lib/restic/snapshots.js";

const [FIRST, SECOND] = ["abc1", "abd2"].map((snapshot, at): Snapshot => ({
  ...{ snapshot, id: `run-${at}`, host: "h", createdMs: at, complete: true, paths: [] },
  ...{ profile: "directory", label: undefined, sources: [], files: 0, bytes: 0 },
})) as [Snapshot, Snapshot];
const ALL = { own: [FIRST, SECOND], others: ["fff9"] };

function refusal(name: string, among = ALL): HoldstillError {
  try {
    namedSnapshot(name, among);
  } catch (error) {
    if (error instanceof HoldstillError) return error;
    throw error;
  }
  throw new Error("it was found");
}

describe("the name of a snapshot", () => {
  it("is latest, or the beginning of its id or of its run's", () => {
    expect(namedSnapshot("latest", ALL)).to.equal(SECOND);
    expect(namedSnapshot("abc", ALL)).to.equal(FIRST);
    expect(namedSnapshot("run-1", ALL)).to.equal(SECOND);
  });

  it("has to be that of one snapshot, which holdstill made", () => {
    expect(refusal("ab")).to.include({ code: "usage" });
    expect(refusal("fff").message).to.equal("another program made snapshot fff");
    for (const name of ["", "9"]) expect(refusal(name)).to.include({ code: "no-archive" });
    expect(refusal("latest", { own: [], others: [] })).to.include({ code: "no-archive" });
  });
});
