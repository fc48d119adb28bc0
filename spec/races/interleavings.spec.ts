import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect } from "chai";
import { randomFrom } from "../helpers/churn-random.js";
import { DISKS, type Way } from "../helpers/freeze.js";
import { tmpDirectory } from "../helpers/tree.js";
import { everywhere, exploreAll, exploreSome, parse, print, scriptsOf, type Explored } from "./explore.js";
import { race } from "./run.js";

/** `npm run test:races` sets these; what `npm test` runs is a sample. Of scripts of two and of three acts, one in so many. */
const ONE_IN = Number(process.env["HOLDSTILL_RACES_ONE_IN"] ?? 0);
const THREE_ONE_IN = Number(process.env["HOLDSTILL_RACES_THREE_ONE_IN"] ?? 0);
const RANDOM = Number(process.env["HOLDSTILL_RACES_RANDOM"] ?? 40);
const SEED = Number(process.env["HOLDSTILL_SEED"] ?? 20261125);
/** A schedule to repeat, as it was printed. */
const SCHEDULE = process.env["HOLDSTILL_RACES_SCHEDULE"];

const STRATEGIES: readonly Way[] = ["link", "copy", "clone"];

describe("a small tree and a writer whose every act falls between two looks at it", function () {
  this.timeout(36_000_000);
  const options = (strategy: Way) => ({
    place: tmpDirectory(existsSync("/dev/shm") ? "/dev/shm" : tmpdir()),
    strategy,
    base: DISKS[strategy],
  });

  function judged({ schedules, verdicts, wrong }: Explored, least: number): void {
    for (const sentence of wrong.slice(0, 20)) process.stdout.write(`      ${sentence}\n`);
    process.stdout.write(`      ${schedules} schedules, seed ${SEED}: ${JSON.stringify(verdicts)}\n`);
    expect(wrong).to.deep.equal([]);
    expect(schedules).to.be.at.least(least);
  }

  for (const strategy of STRATEGIES) {
    it(`keeps every promise by ${strategy}, wherever up to three acts come, at random`, async function () {
      if (SCHEDULE !== undefined) this.skip();
      const random = randomFrom(SEED);
      judged(await exploreSome({ schedules: RANDOM, acts: 3, random }, options(strategy)), RANDOM);
    });

    for (const [acts, share] of [
      [1, Math.min(ONE_IN, 1)],
      [2, ONE_IN],
      [3, THREE_ONE_IN],
    ] as const) {
      it(`keeps every promise by ${strategy}, wherever ${acts} of the writer's acts come`, async function () {
        if (SCHEDULE !== undefined || share === 0) this.skip();
        const given = options(strategy);
        const random = randomFrom(SEED);
        const all = scriptsOf(acts, given.place);
        const scripts = all.filter(() => random() < 1 / share);
        process.stdout.write(`      ${scripts.length} of ${all.length} scripts\n`);
        judged(await exploreAll(scripts, given), scripts.length);
      });
    }

    it(`archives nothing by ${strategy} in some other schedule that the ones tried do not show`, async function () {
      if (SCHEDULE !== undefined) this.skip();
      const given = options(strategy);
      const random = randomFrom(SEED);
      const scripts = scriptsOf(ONE_IN === 0 ? 1 : 2, given.place);
      const script = scripts[Math.floor(random() * scripts.length)] ?? [];
      const tried = await exploreAll([script], given);
      const whole = await exploreAll([script], given, everywhere);
      const names = script.map(({ name }) => name).join(", ");
      process.stdout.write(`      ${names}: ${tried.schedules} schedules for ${whole.schedules}\n`);
      expect([...tried.archived]).to.have.members([...whole.archived]);
      expect(whole.wrong).to.deep.equal([]);
      expect(whole.schedules).to.be.greaterThan(tried.schedules);
    });

    it(`repeats a schedule by ${strategy}`, async function () {
      if (SCHEDULE === undefined) this.skip();
      const { place, base } = options(strategy);
      const { wrong, done, verdicts } = await race(place, strategy, parse(SCHEDULE), base);
      process.stdout.write(`      ${done ? "all of it" : "not all of it"} was done: ${JSON.stringify(verdicts)}\n`);
      expect(wrong).to.deep.equal([]);
    });
  }

  it("reads a schedule as it was printed", () => {
    const text = "3: unlink a/y.json, 17: rename a/x.jsonl to b/x.jsonl";
    expect(print(parse(text))).to.equal(text);
  });
});
