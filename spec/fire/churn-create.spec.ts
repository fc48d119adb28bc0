import { constants, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { isErrno } from "../../lib/errors.js";
import { underFire } from "../helpers/fire.js";
import { tmpDirectory } from "../helpers/tree.js";

/** `npm run test:fire` sets it; what `npm test` runs is a sample. */
const RUNS = Number(process.env["HOLDSTILL_FIRE_RUNS"] ?? 1);
const SEED = Number(process.env["HOLDSTILL_FIRE_SEED"] ?? 20261123);

describe("a backup of a directory that another process never stops changing", function () {
  // Against hanging only: a machine that is busy with other things may take ten times as long.
  this.timeout(300_000 + RUNS * 120_000);

  for (const strategy of ["link", "copy", "clone"] as const) {
    it(`keeps every promise ${RUNS} times out of ${RUNS} with --strategy ${strategy}`, async function () {
      const place = tmpDirectory();
      if (strategy === "clone" && !clones(place)) {
        process.stdout.write("      (the filesystem of the temporary directory cannot clone; spec/interop/xfs does)\n");
        this.skip();
      }
      const { faults, runs, opsPerSecond, mostPasses, changesInWindows, capture, verdicts } = await underFire({
        ...{ place, strategy, runs: RUNS, seed: SEED },
      });
      const seen = `${changesInWindows} changes while freezing; ${JSON.stringify({ capture, verdicts })}`;
      process.stdout.write(
        `      ${runs} runs, ${opsPerSecond} operations a second, at most ${mostPasses} passes, ${seen}\n`,
      );
      expect(faults).to.deep.equal([]);
      expect(capture[strategy]).to.be.greaterThan(2_000 * RUNS);
      expect(changesInWindows).to.be.greaterThan(0);
    });
  }
});

function clones(place: string): boolean {
  const file = join(place, "probe");
  writeFileSync(file, "x");
  try {
    copyFileSync(file, `${file}.clone`, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    if (!isErrno(error, "ENOTSUP", "EOPNOTSUPP", "ENOTTY", "EXDEV", "EINVAL", "ENOSYS")) throw error;
    return false;
  }
}
