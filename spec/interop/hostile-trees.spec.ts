import { lstatSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import type { CreateReport } from "../../lib/report/create-report.js";
import { mounts } from "../helpers/mounts.js";
import { createFrom, extracted } from "../helpers/run.js";
import { tmpTree } from "../helpers/tree.js";
import { METHODS } from "../stage/frozen.js";

/** The kernel says 4096 of it, whatever it has. */
const SHORTER = "/sys/kernel/uevent_seqnum";

describe("a disk that fails to read", function () {
  this.timeout(60_000);
  const mounted = mounts();

  const NAMES = ["bad.eio", "closed.eio", "large.eio"];
  const FAILING = {
    "a.jsonl": '{"n":1}\n',
    "bad.eio": "b".repeat(9000),
    "closed.eio": { "c.txt": "c" },
    "large.eio": "l".repeat(3 << 20),
    // The kernel is told no kinds of these files.
    "ä.txt": "a umlaut",
    sub: { "s.txt": "s" },
  };
  const unreadable = (below: string): unknown[] =>
    NAMES.map((name) => ({ path: `${below}${name}`, source: 0, reason: "unreadable", detail: "EIO" }));

  /** All that can be read is archived, the rest is named, and the run says that it is incomplete. */
  async function expectTheRest(
    source: string,
    strategy: (typeof METHODS)[number],
    below: string,
  ): Promise<CreateReport> {
    const report = await createFrom(source, { strategy });
    expect(report).to.include({ outcome: "published", verified: true, complete: false, settled: true });
    expect(report.skipped).to.have.deep.members(unreadable(below));
    const files = extracted(report, source);
    expect(Object.keys(files).filter((name) => name.includes(".eio"))).to.deep.equal([]);
    expect(files).to.include({
      [`${below}a.jsonl`]: '{"n":1}\n',
      [`${below}sub/s.txt`]: "s",
      [`${below}ä.txt`]: "a umlaut",
    });
    return report;
  }

  for (const strategy of METHODS) {
    it(`may hold the source: what cannot be read is named, and the rest is archived (${strategy})`, async function () {
      const source = join(mounted.faulty(this, tmpTree({ state: FAILING })), "state");
      expect(() => readFileSync(join(source, "bad.eio"))).to.throw("EIO");
      const { capture } = await expectTheRest(source, strategy, "");
      expect(capture[strategy]).to.equal(3);
      expect(readdirSync(dirname(source))).to.deep.equal(["state"]);
    });

    it(`may lie under an overlay: the same (${strategy})`, async function () {
      const source = mounted.overlay(this, mounted.faulty(this, tmpTree(FAILING)));
      expect(() => readFileSync(join(source, "bad.eio"))).to.throw("EIO");
      const { capture } = await expectTheRest(source, strategy, "");
      expect(capture[strategy]).to.equal(3);
      expect(readdirSync(source)).to.have.members(Object.keys(FAILING));
    });

    it(`may be mounted below the source: the same (${strategy})`, async function () {
      const source = tmpTree({ "a.txt": "a", below: {} });
      const unmount = mounted.bind(this, mounted.faulty(this, tmpTree(FAILING)), join(source, "below"));
      try {
        const { capture } = await expectTheRest(source, strategy, "below/");
        expect(capture.copy).to.equal(strategy === "copy" ? 4 : 3);
      } finally {
        unmount();
      }
    });
  }
});

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
