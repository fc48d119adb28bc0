import type { Suite } from "mocha";
import { randomFrom } from "./churn-random.js";

/** The same seed gives the same order. Mocha's workers inherit it. */
const given = process.env["HOLDSTILL_SHUFFLE_SEED"];
const SEED = Number(given ?? Math.floor(Math.random() * 2 ** 31));

if (given === undefined) {
  process.env["HOLDSTILL_SHUFFLE_SEED"] = String(SEED);
  process.stdout.write(`in the order of HOLDSTILL_SHUFFLE_SEED=${SEED}\n`);
}

/** Loaded by `mocha --require`: files, groups and specs run in random order. */
export const mochaHooks = {
  beforeAll(this: Mocha.Context): void {
    let root = this.test?.parent;
    while (root?.parent) root = root.parent;
    if (root) shuffle(root, randomFrom(SEED));
  },
};

function shuffle(suite: Suite, random: () => number): void {
  inRandomOrder(suite.tests, random);
  inRandomOrder(suite.suites, random);
  for (const inner of suite.suites) shuffle(inner, random);
}

function inRandomOrder(list: unknown[], random: () => number): void {
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [list[last], list[other]] = [list[other], list[last]];
  }
}
