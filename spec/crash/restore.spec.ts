import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { failureOf } from "../../lib/report/failure.js";
import { PARTIAL } from "../../lib/restore/partial-mark.js";
import { restore } from "../../lib/restore.js";
import { restoreInto } from "../helpers/restored.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { contents, link, writeTree } from "../helpers/tree.js";
import { scene } from "./crashed.js";
import { killedAtEach } from "./kill-at-each.js";

const TREE = {
  a: { "x.jsonl": "1\n", "y.json": "{}\n" },
  "large.bin": new Uint8Array((1 << 20) + 1),
  link: link("a/x.jsonl"),
};

describe("a restore that is killed", function () {
  this.timeout(7_200_000);

  it("leaves nothing, or what says that it is partial, and succeeds in the same place when it is run again", async () => {
    const { root, source, output } = scene();
    writeTree(source, TREE);
    const { archive } = await createFrom(source, { output });
    const target = join(root, "restored");

    const kills = await killedAtEach(root, ["restore", archive, "--target", target, "--strip", "--json"], async () => {
      const names = existsSync(target) ? readdirSync(target) : [];
      const isMarked = names.length === 0 || names.includes(PARTIAL);
      const isWhole = (): boolean => JSON.stringify(contents(target)) === JSON.stringify(contents(source));
      const wrong = isMarked || isWhole() ? [] : [`${names.join(", ")}: in part, and unmarked`];
      if (!isMarked) rmSync(target, { recursive: true });
      await restore(restoreInto(target, { archive, strip: true }), surroundings()).then(
        () => void (isWhole() || wrong.push("the next run restored something else")),
        (error: unknown) => void wrong.push(`the next run failed: ${failureOf(error).message}`),
      );
      rmSync(target, { recursive: true, force: true });
      return wrong;
    });
    expect(kills).to.be.greaterThan(0);
  });
});
