import { dirname, join } from "node:path";
import { expect } from "chai";
import { randomFrom } from "../helpers/churn-random.js";
import type { Step } from "../helpers/steps.js";
import { guardCase, rollbackCase } from "./guard-cases.js";
import { KINDS } from "./kinds.js";
import { restoreCase } from "./restore-case.js";
import { sweep, type UseCase } from "./sweep.js";
import { createCase, pruneCase, verifyCase } from "./use-cases.js";

/** One of so many faults is tried; `npm run test:faults` tries all. */
const ONE_IN = Number(process.env["HOLDSTILL_FAULTS_ONE_IN"] ?? 20);
const SEED = Number(process.env["HOLDSTILL_SEED"] ?? 20261125);

interface Case {
  readonly make: () => Promise<UseCase>;
  /** A sample of it is so many times as small: a run of it takes as much longer. */
  readonly slow?: number;
}

const CASES: Readonly<Record<string, Case>> = {
  "create by links": { make: () => createCase("auto") },
  "create by copies": { make: () => createCase("copy") },
  verify: { make: verifyCase },
  prune: { make: pruneCase },
  restore: { make: restoreCase },
  "guard of what succeeds": { make: () => guardCase(0), slow: 5 },
  "guard of what fails": { make: () => guardCase(3), slow: 5 },
  rollback: { make: rollbackCase, slow: 5 },
};

describe("a disk of which one operation fails", function () {
  this.timeout(3_600_000);
  let faults = 0;

  for (const [name, { make, slow = 1 }] of Object.entries(CASES)) {
    for (const kind of KINDS) {
      if (name === "verify" && (kind.name === "ENOSPC" || kind.name === "short writes")) continue;
      it(`${name}: ${kind.name} of any operation keeps the promises, is told of, and the next run succeeds`, async () => {
        const random = randomFrom(SEED);
        const useCase = await make();
        const share = ONE_IN === 1 ? 1 : 1 / (ONE_IN * slow);
        const swept = await sweep(useCase, kind, (nth) => nth === 1 || random() < share);
        faults += swept.faults;
        for (const sentence of swept.wrong) process.stdout.write(`      ${sentence}\n`);
        process.stdout.write(`      ${swept.faults} faults: ${JSON.stringify(swept.told)}\n`);
        expect(swept.wrong).to.deep.equal([]);
        expect(swept.faults).to.be.greaterThan(0);
      });
    }
  }

  it("never removes what is not the spec's own", () => {
    const path = process.execPath;
    const looked: Step = { operation: "lstat", args: [path], paths: [path] };
    const removing = KINDS.filter(({ name }) => name.startsWith("ENOENT"));
    expect(removing.map(({ applies }) => applies(looked, dirname(path)))).to.deep.equal([true]);
    expect(removing.map(({ applies }) => applies(looked, join(path, "..", "elsewhere")))).to.deep.equal([false]);
  });

  after(() => process.stdout.write(`    ${faults} faults, one in ${ONE_IN}, seed ${SEED}\n`));
});
