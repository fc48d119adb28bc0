import { expect } from "chai";
import { createScratch } from "../lib/scratch.js";

describe("scratch", () => {
  it("removes the newest first, and each thing once", () => {
    const removed: string[] = [];
    const scratch = createScratch();
    scratch.add(() => removed.push("stage"));
    scratch.add(() => removed.push("partial"));
    scratch.removeAll();
    scratch.removeAll();
    expect(removed).to.deep.equal(["partial", "stage"]);
  });

  it("forgets only what it was told to forget, even where one function was added twice", () => {
    let removals = 0;
    const remove = (): void => void (removals += 1);
    const scratch = createScratch();
    const forget = scratch.add(remove);
    scratch.add(remove);
    forget();
    forget();
    scratch.removeAll();
    expect(removals).to.equal(1);
  });

  it("removes the others where one removal fails", () => {
    const removed: string[] = [];
    const scratch = createScratch();
    scratch.add(() => removed.push("first"));
    scratch.add(() => {
      throw new Error("EBUSY");
    });
    scratch.removeAll();
    expect(removed).to.deep.equal(["first"]);
  });
});
