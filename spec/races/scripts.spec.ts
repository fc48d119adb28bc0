import { expect } from "chai";
import { play, UNTOUCHED } from "./scripted.js";
import { SCRIPTS } from "./scripts.js";

describe("a tree that is changed at a certain moment", () => {
  for (const { by, at, does, exit = 0, told } of SCRIPTS) {
    const seen = Object.entries(told).map(([path, what]) => `${path} ${what}`);
    const outcome = exit === 0 ? seen.join("; ") || "as if nothing were the matter" : `exit code ${exit}`;
    it(`by ${by}, ${at}: ${does.name}: ${outcome}`, async () => {
      const expected = Object.entries({ ...UNTOUCHED, ...told }).filter(([, what]) => what !== "nothing");
      expect(await play({ by, at, does })).to.deep.equal({
        ...{ exit, done: true, failed: [] },
        told: exit === 0 || exit === 3 ? Object.fromEntries(expected) : {},
      });
    });
  }
});
