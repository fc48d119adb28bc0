import { appendFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import type { CreateReport } from "../../lib/report/create-report.js";
import { underFire } from "../helpers/fire.js";
import { mounts } from "../helpers/mounts.js";
import { createFrom, extracted, indexOf } from "../helpers/run.js";
import { contents, writeTree, type Tree } from "../helpers/tree.js";
import { marksOf } from "../helpers/untouched.js";

const TREE: Tree = {
  "config.json": '{"a":1}\n',
  sessions: {
    "at-rest.jsonl": '{"n":1}\n{"n":2}\n',
    "hot.jsonl": '{"n":1}\n{"n":2}\n{"half',
    "large.bin": Buffer.alloc(3 << 20, "large "),
    "empty.log": "",
  },
  "state.log": "one\ntwo\n",
};
const FILES = 6;
/** The whole of it, but for the half line. */
const FROZEN: Readonly<Record<string, string>> = {
  "config.json": '{"a":1}\n',
  "sessions/": "/",
  "sessions/at-rest.jsonl": '{"n":1}\n{"n":2}\n',
  "sessions/hot.jsonl": '{"n":1}\n{"n":2}\n',
  "sessions/large.bin": Buffer.alloc(3 << 20, "large ").toString("latin1"),
  "sessions/empty.log": "",
  "state.log": "one\ntwo\n",
};

/** As for `npm run test:fire`; what interop runs by default is a sample. */
const RUNS = Number(process.env["HOLDSTILL_FIRE_RUNS"] ?? 5);

describe("on XFS with reflinks", function () {
  this.timeout(1_800_000);
  const mounted = mounts();
  let disk: string;
  let source: string;

  before(function () {
    disk = mounted.make(this, "xfs", 1024);
  });

  beforeEach(() => {
    source = join(disk, "state");
    writeTree(source, TREE);
    const lastWeek = Date.now() / 1000 - 7 * 86_400;
    utimesSync(join(source, "sessions/at-rest.jsonl"), lastWeek, lastWeek);
  });

  afterEach(() => {
    const left = readdirSync(disk).filter((name) => name.startsWith(".holdstill-stage-"));
    rmSync(source, { recursive: true, force: true });
    expect(left).to.deep.equal([]);
  });

  it("clones unless told otherwise, and changes nothing at all in the source", async () => {
    const before = marksOf(source, { ctime: true });
    const report = await createFrom(source);
    expect(marksOf(source, { ctime: true })).to.deep.equal(before);
    expect(report.sources).to.deep.equal([{ path: source, stage: "beside", method: "clone" }]);
    expect(report.capture).to.deep.equal({ clone: FILES, link: 0, copy: 0, database: 0 });
    expect(extracted(report, source)).to.deep.equal(FROZEN);
  });

  for (const strategy of ["clone", "link", "copy"] as const) {
    it(`takes every file with --strategy ${strategy}, and only by that`, async () => {
      const report = await createFrom(source, { strategy });
      expect(report.capture).to.deep.equal({ clone: 0, link: 0, copy: 0, database: 0, [strategy]: FILES });
      expect(report.complete).to.equal(true);
      expect(extracted(report, source)).to.deep.equal(FROZEN);
    });
  }

  const changes: readonly (readonly [string, (path: string) => void])[] = [
    ["deleted", (path) => rmSync(path)],
    ["appended to", (path) => appendFileSync(path, 'other"}\n{"n":3}\n')],
    [
      "rewritten in place",
      (path) => writeFileSync(path, "rewritten, and longer than anything that was in it before\n"),
    ],
    ["truncated", (path) => writeFileSync(path, "")],
  ];
  for (const [what, change] of changes) {
    it(`archives the moment of the freeze when every file is ${what} right after it`, async () => {
      const report = await createAnd(() => {
        for (const [path, content] of Object.entries(FROZEN)) if (content !== "/") change(join(source, path));
      });
      expect(extracted(report, source)).to.deep.equal(FROZEN);
      expect(report.verdicts).to.deep.equal({ exact: FILES, prefix: 0, recaptured: 0, unstable: 0 });
      const half = indexOf(report).find(({ path }) => path === "sessions/hot.jsonl");
      expect(half).to.have.nested.property("capture.cut", '{"half'.length);
    });
  }

  it("archives the moment of the freeze when the whole source is removed right after it", async () => {
    const report = await createAnd(() => rmSync(source, { recursive: true }));
    expect(extracted(report, source)).to.deep.equal(FROZEN);
    expect(contents(dirname(source))).to.deep.equal({});
  });

  it(`keeps every promise ${RUNS} times out of ${RUNS} while another process changes the tree`, async () => {
    const { faults, runs, opsPerSecond, changesInWindows, capture, verdicts } = await underFire({
      ...{ place: disk, strategy: "auto", runs: RUNS, seed: 4711 },
    });
    const seen = `${changesInWindows} changes while freezing; ${JSON.stringify({ capture, verdicts })}`;
    process.stdout.write(`      ${runs} runs, ${opsPerSecond} operations a second, ${seen}\n`);
    expect(faults).to.deep.equal([]);
    expect(capture).to.include({ link: 0, copy: 0 });
    expect(changesInWindows).to.be.greaterThan(0);
  });

  /** Does something between the freeze and the archive. */
  async function createAnd(act: () => void): Promise<CreateReport> {
    let came = false;
    const onEvent = ({ type, ...event }: { readonly type: string; readonly phase?: string }): void => {
      if (type !== "phase" || event.phase !== "archive") return;
      came = true;
      act();
    };
    const report = await createFrom(source, {}, { onEvent });
    expect(came).to.equal(true);
    return report;
  }
});
