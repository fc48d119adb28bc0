import { join } from "node:path";
import { expect } from "chai";
import { disk } from "../../lib/filesystem.js";
import { bytesOf } from "../../lib/bytes.js";
import { keepOnly } from "../faults/leftovers.js";
import { randomFrom } from "../helpers/churn-random.js";
import { startChurn } from "../helpers/churn.js";
import { createFrom } from "../helpers/run.js";
import { age, writeTree } from "../helpers/tree.js";
import { aftermath, archivesIn, killedAt, livingStage, scene, type Scene } from "./crashed.js";
import { killedAtEach, SEED } from "./kill-at-each.js";

/** `npm run test:crash` sets it: so many times is the program killed at random. */
const RANDOM = Number(process.env["HOLDSTILL_CRASH_RANDOM"] ?? 5);

/** No archive that a killed run left may be kept for long: it would be verified again and again. */
const KEPT = new Set<string>();

const argsOf = ({ source, output }: Scene, ...more: string[]): string[] => [
  ...["create", "--source", source, "--output", output, "--compress", "none", "--json"],
  ...more,
];

describe("a run that is killed", function () {
  this.timeout(7_200_000);

  for (const strategy of ["link", "copy"]) {
    it(`leaves no archive that is not whole, and nothing that the next run does not remove: by ${strategy}, at each step`, async () => {
      const place = scene();
      writeTree(place.source, {
        a: { "x.jsonl": "1\n", "y.json": "{}\n" },
        "large.bin": new Uint8Array((1 << 20) + 1),
      });
      age(place.source, 600);
      writeTree(place.source, { b: { "z.jsonl": "2\n" } });
      const living = livingStage(place);
      try {
        const kills = await killedAtEach(place.root, argsOf(place, "--strategy", strategy), async () => {
          const wrong = await aftermath(place, living.name, KEPT);
          keepOnly(place.output, KEPT);
          return wrong;
        });
        expect(kills).to.be.greaterThan(0);
      } finally {
        living.remove();
      }
    });
  }

  it("does so under a live writer too, at any moment", async () => {
    const place = scene();
    const random = randomFrom(SEED);
    const churn = await startChurn({ directory: place.source, files: 200, opsPerSecond: 200, seed: SEED });
    const living = livingStage(place);
    const wrong: string[] = [];
    let [kills, published] = [0, 0];
    try {
      const whole = await killedAt(Infinity, place.root, argsOf(place));
      if (whole.killed) throw new Error("it was killed by somebody else");
      keepOnly(place.output, KEPT);
      while (kills < RANDOM) {
        const nth = 1 + Math.floor(random() * whole.steps);
        const ended = await killedAt(nth, place.root, argsOf(place));
        if (ended.killed) kills++;
        published += archivesIn(place.output).length;
        const found = await aftermath(place, living.name, KEPT);
        wrong.push(...found.map((sentence) => `kill ${kills}, step ${nth} of ${whole.steps}: ${sentence}`));
        keepOnly(place.output, KEPT);
      }
    } finally {
      living.remove();
      await churn.stop();
    }
    process.stdout.write(`      ${kills} kills, of which ${published} after the archive had its name; seed ${SEED}\n`);
    expect(wrong).to.deep.equal([]);
  });

  it("is followed by one that does not touch what is not its own", async () => {
    const place = scene();
    writeTree(place.source, { "a.txt": "a" });
    writeTree(place.root, { ".holdstill-stage-of-mine": { "precious.txt": "p" } });
    await createFrom(place.source, { output: place.output });
    expect(disk.list(bytesOf(join(place.root, ".holdstill-stage-of-mine"))).map(({ name }) => name)).to.deep.equal([
      "precious.txt",
    ]);
  });
});
