import { expect } from "chai";
import { randomFrom } from "../helpers/churn-random.js";
import { killedAt } from "./crashed.js";

/** `npm run test:crash` sets it to 1: one step in so many is where the program is killed. */
const ONE_IN = Number(process.env["HOLDSTILL_CRASH_ONE_IN"] ?? 40);
export const SEED = Number(process.env["HOLDSTILL_SEED"] ?? 20261125);

/** More than any run here takes. */
const MANY = 500;

/** Which steps are tried: each, or a sample of them and one that is never reached. */
export function* chosenSteps(): Generator<number> {
  const random = randomFrom(SEED);
  for (let nth = 1; ; nth++) if (ONE_IN <= 1 || nth >= MANY || random() < 1 / ONE_IN) yield nth;
}

/**
 * Runs a command again and again, each time killed before another step on the disk, until it comes to its end.
 * @param aftermath tells what is wrong, and makes things as they were before
 * @returns how often it was killed
 */
export async function killedAtEach(
  home: string,
  args: readonly string[],
  aftermath: () => Promise<readonly string[]>,
): Promise<number> {
  const wrong: string[] = [];
  let kills = 0;
  for (const nth of chosenSteps()) {
    const ended = await killedAt(nth, home, args);
    if (!ended.killed) {
      expect(ended).to.include({ code: 0 });
      expect(ended.steps).to.be.lessThan(nth);
      break;
    }
    kills++;
    wrong.push(...(await aftermath()).map((sentence) => `step ${nth}: ${sentence}`));
  }
  process.stdout.write(`      ${kills} kills, seed ${SEED}\n`);
  expect(wrong).to.deep.equal([]);
  return kills;
}
