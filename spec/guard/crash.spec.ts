import { expect } from "chai";
import { survives } from "./crash.js";

/** Some of the worst moments; each operation has its turn in spec/crash. */
const RENAME = { operations: ["rename"], nth: 1 } as const;

describe("a guard that is killed", () => {
  it("between the two renames leaves what can be resumed", async () => {
    expect(await survives({ ...RENAME, when: "after", path: "/state" }, 3)).to.equal(true);
  });

  it("when all is back, and before it has noted that, leaves what can be resumed", async () => {
    expect(await survives({ ...RENAME, when: "before", nth: 8, path: ".json.new" }, 3)).to.equal(true);
  });

  it("while it removes what it kept for going back leaves what can be resumed", async () => {
    expect(await survives({ operations: ["unlink"], nth: 1, when: "before", path: ".json" }, 0)).to.equal(true);
  });
});
