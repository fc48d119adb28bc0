import { lstatSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { mounts } from "../helpers/mounts.js";
import { createFrom, extracted } from "../helpers/run.js";
import { tmpTree } from "../helpers/tree.js";
import { METHODS } from "../stage/frozen.js";

/** The kernel says 4096 of it, whatever it has. */
const SHORTER = "/sys/kernel/uevent_seqnum";

describe("a hostile mount below the source", function () {
  this.timeout(60_000);
  const mounted = mounts();

  for (const strategy of METHODS) {
    it(`may have a file that is shorter than it says: what it has is archived, and called unstable (${strategy})`, async function () {
      const source = tmpTree({ "a.txt": "a", below: { "b.txt": "b" } });
      const file = join(source, "below/short");
      writeFileSync(file, "");
      const unmount = mounted.bind(this, SHORTER, file);
      try {
        expect(lstatSync(file).size).to.equal(4096);
        const report = await createFrom(source, { strategy });
        expect(report).to.include({ outcome: "published", verified: true, complete: false });
        expect(report.verdicts).to.deep.equal({ exact: 2, prefix: 0, recaptured: 0, unstable: 1 });
        expect(extracted(report, source)["below/short"]).to.match(/^\d+\n$/);
      } finally {
        unmount();
      }
    });
  }
});
