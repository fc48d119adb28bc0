import { expect } from "chai";
import { randomFrom } from "../helpers/churn-random.js";
import { soak, type Held } from "./soak.js";

/** `npm run test:soak -- --minutes 20` sets it. */
const MINUTES = Number(process.env["HOLDSTILL_SOAK_MINUTES"] ?? 1);
const SEED = Number(process.env["HOLDSTILL_SEED"] ?? 20261125);

/** What a collector of garbage may not have got to. */
const SLACK = 48 << 20;

describe("a tree that is written to, backed up, pruned and restored, and a program that is killed now and then", function () {
  this.timeout((MINUTES + 10) * 60_000);

  it(`is right after ${MINUTES} minutes, and memory, descriptors and disk are flat`, async () => {
    const { rounds, restores, kills, operations, held, wrong } = await soak(MINUTES, randomFrom(SEED));
    const [early, late] = [of(held, 1, 3), of(held, 2, 3)];
    for (const sentence of wrong.slice(0, 20)) process.stdout.write(`      ${sentence}\n`);
    process.stdout.write(
      `      ${rounds} rounds, ${restores} restores, ${kills} kills, ${operations} operations of the writer, seed ${SEED}\n` +
        `      from ${shown(early)} to ${shown(late)}\n`,
    );
    expect(wrong).to.deep.equal([]);
    expect(restores).to.be.greaterThan(0);
    expect(late.rss).to.be.lessThan(early.rss * 1.2 + SLACK);
    expect(late.descriptors).to.be.at.most(early.descriptors);
    expect(late.disk).to.be.lessThan(early.disk * 1.5);
  });
});

/** The medians of a part of the rounds: the last third, or the one before it. The first is for warming up. */
function of(held: readonly Held[], part: number, parts: number): Held {
  const some = held.slice(Math.floor((held.length * part) / parts), Math.ceil((held.length * (part + 1)) / parts));
  const median = (key: keyof Held): number =>
    some.map((each) => each[key]).sort((a, b) => a - b)[some.length >> 1] ?? 0;
  return { rss: median("rss"), descriptors: median("descriptors"), disk: median("disk") };
}

function shown({ rss, descriptors, disk }: Held): string {
  return `${Math.round(rss / 1e6)} MB of memory, ${descriptors} descriptors, ${Math.round(disk / 1e3)} KB of archives`;
}
