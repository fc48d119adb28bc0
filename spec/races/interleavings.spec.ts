import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect } from "chai";
import { randomFrom } from "../helpers/churn-random.js";
import { DISKS, type Way } from "../helpers/freeze.js";
import { tmpDirectory } from "../helpers/tree.js";
import { everywhere, exploreAll, exploreSome, isPartOf, parse, print, scriptsOf, type Explored } from "./explore.js";
import { race } from "./run.js";

/** `npm run test:races` sets these; what `npm test` runs is a sample. Of scripts of two and of three acts, one in so many. */
const ONE_IN = Number(process.env["HOLDSTILL_RACES_ONE_IN"] ?? 0);
const THREE_ONE_IN = Number(process.env["HOLDSTILL_RACES_THREE_ONE_IN"] ?? 0);
/** So many scripts are gone through wherever there is a look, to see that nothing is left out. */
const WHOLE = Number(process.env["HOLDSTILL_RACES_WHOLE"] ?? 1);
const RANDOM = Number(process.env["HOLDSTILL_RACES_RANDOM"] ?? 40);
const SEED = Number(process.env["HOLDSTILL_SEED"] ?? 20261125);
/** A schedule to repeat, as it was printed. */
const SCHEDULE = process.env["HOLDSTILL_RACES_SCHEDULE"];

const STRATEGIES: readonly Way[] = ["link", "copy", "clone"];

/** What is to be gone through: how many acts, on which trees, and one in how many scripts. */
const EXHAUSTIVE = [
  { acts: 1, rested: true, oneIn: Math.min(ONE_IN, 1) },
  { acts: 1, rested: false, oneIn: Math.min(ONE_IN, 1) },
  { acts: 2, rested: true, oneIn: ONE_IN },
  { acts: 2, rested: false, oneIn: ONE_IN },
  { acts: 3, rested: true, oneIn: THREE_ONE_IN },
];
const AGAIN = 20;
const isIn = (some: ReadonlySet<string>, all: ReadonlySet<string>): boolean => [...some].every((each) => all.has(each));

const treeOf = (rested: boolean): string => (rested ? "a tree at rest" : "a tree just written");

describe("a small tree and a writer whose every act falls between two looks at it", function () {
  this.timeout(36_000_000);
  const options = (strategy: Way, rested: boolean) => ({
    place: tmpDirectory(existsSync("/dev/shm") ? "/dev/shm" : tmpdir()),
    ...{ strategy, rested },
    base: DISKS[strategy],
  });

  function judged({ schedules, verdicts, wrong }: Explored, least: number): void {
    for (const sentence of wrong.slice(0, 20)) process.stdout.write(`      ${sentence}\n`);
    process.stdout.write(`      ${schedules} schedules, seed ${SEED}: ${JSON.stringify(verdicts)}\n`);
    expect(wrong).to.deep.equal([]);
    expect(schedules).to.be.at.least(least);
  }

  for (const strategy of STRATEGIES) {
    for (const { acts, rested, oneIn } of EXHAUSTIVE) {
      it(`keeps every promise by ${strategy} of ${treeOf(rested)}, wherever ${acts} of the writer's acts come`, async function () {
        if (SCHEDULE !== undefined || oneIn === 0) this.skip();
        const given = options(strategy, rested);
        const random = randomFrom(SEED);
        const all = scriptsOf(acts, given.place);
        const scripts = all.filter(() => random() < 1 / oneIn);
        process.stdout.write(`      ${scripts.length} of ${all.length} scripts\n`);
        judged(await exploreAll(scripts, given), scripts.length);
      });
    }

    for (const rested of [true, false]) {
      it(`keeps every promise by ${strategy} of ${treeOf(rested)}, wherever up to three acts come, at random`, async function () {
        if (SCHEDULE !== undefined) this.skip();
        const random = randomFrom(SEED);
        judged(await exploreSome({ schedules: RANDOM, acts: 3, random }, options(strategy, rested)), RANDOM);
      });

      it(`archives nothing by ${strategy} of ${treeOf(rested)} in some other schedule that the ones tried do not show`, async function () {
        if (SCHEDULE !== undefined) this.skip();
        const given = options(strategy, rested);
        const random = randomFrom(SEED);
        const most = ONE_IN === 0 ? 1 : 2;
        const scripts = scriptsOf(most, given.place);
        const shorter = Array.from({ length: most - 1 }, (_, less) => scriptsOf(less + 1, given.place)).flat();
        for (let left = WHOLE; left > 0; left--) {
          const script = scripts[Math.floor(random() * scripts.length)] ?? [];
          const whole = await exploreAll([script], given, everywhere);
          // An act that no look tells is as good as none.
          const parts = [...shorter.filter((each) => isPartOf(each, script)), script];
          const tried = await exploreAll(parts, given);
          // What comes of a schedule hangs on the clock, too: whether a file is younger than the run.
          for (let more = AGAIN; more > 0 && !isIn(whole.archived, tried.archived); more--) {
            for (const archived of (await exploreAll(parts, given)).archived) tried.archived.add(archived);
          }
          const names = script.map(({ act }) => act.name).join(", ");
          process.stdout.write(`      ${names}: ${tried.schedules} schedules for ${whole.schedules}\n`);
          expect([...tried.archived]).to.include.members([...whole.archived]);
          expect(whole.wrong).to.deep.equal([]);
          expect(whole.schedules).to.be.greaterThan(tried.schedules);
        }
      });

      it(`repeats a schedule by ${strategy} of ${treeOf(rested)}`, async function () {
        if (SCHEDULE === undefined) this.skip();
        const { wrong, done, verdicts } = await race(options(strategy, rested), parse(SCHEDULE));
        process.stdout.write(`      ${done ? "all of it" : "not all of it"} was done: ${JSON.stringify(verdicts)}\n`);
        expect(wrong).to.deep.equal([]);
      });
    }
  }

  it("reads a schedule as it was printed", () => {
    const text = "3: unlink a/y.json, 17: rename a/x.jsonl to b/x.jsonl";
    expect(print(parse(text))).to.equal(text);
  });
});
