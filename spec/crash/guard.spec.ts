import { expect } from "chai";
import { chosenSteps, SEED } from "./kill-at-each.js";
import { survives } from "../guard/crash.js";

/** Everything by which a guard changes a disk. */
const OPERATIONS = [
  ...(["rename", "create", "write", "writeAsync", "sync", "link", "symlink", "unlink", "mkdir", "rmdir"] as const),
  ...(["chmod", "fchmod", "fchown", "futimes", "utimes", "lutimes", "lchown"] as const),
];

describe("a guard that is killed at any of its operations", function () {
  this.timeout(3_600_000);

  for (const exitCode of [3, 0] as const) {
    it(`leaves what can be resumed, where the command exits ${exitCode}`, async () => {
      let kills = 0;
      for (const nth of chosenSteps()) {
        if (!(await survives({ operations: OPERATIONS, nth, when: "before" }, exitCode))) break;
        kills++;
      }
      process.stdout.write(`      ${kills} kills, seed ${SEED}\n`);
      expect(kills).to.be.greaterThan(0);
    });
  }

  it("leaves what can be resumed, after each of its renames", async () => {
    let nth = 1;
    while (await survives({ operations: ["rename"], nth, when: "after" }, 3)) nth++;
    expect(nth).to.be.greaterThan(8);
  });
});
