import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { prune } from "../../lib/prune.js";
import { failureOf } from "../../lib/report/failure.js";
import { verify } from "../../lib/verify.js";
import { leftovers } from "../faults/leftovers.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { writeTree } from "../helpers/tree.js";
import { archivesIn, scene } from "./crashed.js";
import { killedAtEach } from "./kill-at-each.js";

describe("a prune that is killed", function () {
  this.timeout(7_200_000);

  it("has removed nothing that was to be kept, and leaves nothing that the next one does not remove", async () => {
    const { root, source, output } = scene();
    const pristine = join(scene().root, "pristine");
    writeTree(source, { "a.jsonl": "1\n" });
    for (const day of [1, 2, 3]) await createFrom(source, { output }, { now: () => Date.UTC(2026, 0, day) });
    const [kept = ""] = archivesIn(output).sort().reverse();
    cpSync(output, pristine, { recursive: true, preserveTimestamps: true });

    const kills = await killedAtEach(root, ["prune", "--output", output, "--keep-last", "1", "--json"], async () => {
      const wrong: string[] = [];
      for (const name of archivesIn(output)) {
        await verify(join(output, name), surroundings()).catch((error: unknown) =>
          wrong.push(failureOf(error).message),
        );
      }
      await prune({ policy: { keepLast: 1 }, output, waitMs: 0 }, surroundings()).catch((error: unknown) =>
        wrong.push(failureOf(error).message),
      );
      if (archivesIn(output).join() !== kept) wrong.push(`there are ${archivesIn(output).join(", ")}`);
      wrong.push(...leftovers({ root, output }));
      rmSync(output, { recursive: true });
      cpSync(pristine, output, { recursive: true, preserveTimestamps: true });
      return wrong;
    });
    expect(kills).to.be.greaterThan(0);
  });
});
