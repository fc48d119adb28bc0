import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { HoldstillError } from "../../lib/errors.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import { mounts } from "../helpers/mounts.js";
import { createFrom, extracted } from "../helpers/run.js";
import { contents, tmpDirectory, writeTree } from "../helpers/tree.js";
import { marksOf } from "../helpers/untouched.js";

const TREE = { "a.jsonl": '{"n":1}\n', below: { "b.log": "b\n" } };
const FROZEN = { "a.jsonl": '{"n":1}\n', "below/": "/", "below/b.log": "b\n" };

describe("sources and mounts", function () {
  this.timeout(60_000);
  const mounted = mounts();
  let xfs: string;
  let ext4: string;
  let memory: string;

  before(function () {
    xfs = mounted.make(this, "xfs", 512);
    ext4 = mounted.make(this, "ext4", 64);
    memory = mounted.make(this, "tmpfs", 64);
  });

  afterEach(() => {
    const left = [xfs, ext4, memory].flatMap((place) =>
      readdirSync(place).filter((name) => name.startsWith(".holdstill")),
    );
    expect(left).to.deep.equal([]);
  });

  it("copies, and counts, what lies on a mount below the source", async function () {
    const source = join(xfs, "with-mounts");
    writeTree(source, TREE);
    writeTree(mounted.make(this, "tmpfs", 8, undefined, join(source, "memory")), { "m.txt": "m" });
    writeTree(mounted.make(this, "ext4", 16, undefined, join(source, "disk")), { sub: { "d.txt": "d" } });
    rmSync(join(source, "disk/lost+found"), { recursive: true });
    const all = {
      ...FROZEN,
      "disk/": "/",
      "disk/sub/": "/",
      "disk/sub/d.txt": "d",
      "memory/": "/",
      "memory/m.txt": "m",
    };
    for (const method of ["clone", "link"] as const) {
      const report = await createFrom(source, { strategy: method });
      expect(report.capture).to.deep.equal({ clone: 0, link: 0, database: 0, [method]: 2, copy: 2 });
      expect(report.complete).to.equal(true);
      expect(extracted(report, source)).to.deep.equal(all);
    }
  });

  it("copies, and counts, what a bind mount brings into the source, where it cannot be linked", async function () {
    const source = join(ext4, "with-bind");
    const elsewhere = join(ext4, "elsewhere");
    writeTree(source, TREE);
    writeTree(elsewhere, { "e.txt": "e" });
    mkdirSync(join(source, "bound"));
    mounted.bind(this, elsewhere, join(source, "bound"));
    const report = await createFrom(source);
    expect(report.capture).to.deep.equal({ clone: 0, link: 2, copy: 1, database: 0 });
    expect(extracted(report, source)).to.deep.equal({ ...FROZEN, "bound/": "/", "bound/e.txt": "e" });
  });

  it("freezes sources on several mounts in one window, each in a stage of its own", async () => {
    const sources = [xfs, ext4, memory].map((place) => join(place, "one-of-several"));
    for (const source of sources) writeTree(source, TREE);
    let came = 0;
    const onEvent = (event: { readonly type: string; readonly phase?: string }): void => {
      if (event.phase !== "archive") return;
      came++;
      for (const source of sources) rmSync(source, { recursive: true });
    };
    const report = await createFrom("", { sources }, { onEvent });
    expect(came).to.equal(1);
    expect(report.sources.map(({ stage, method }) => `${stage} ${method}`)).to.have.members([
      ...["beside clone", "beside link", "beside link"],
    ]);
    expect(report.capture).to.deep.equal({ clone: 2, link: 4, copy: 0, database: 0 });
    for (const source of sources) expect(extracted(report, source)).to.deep.equal(FROZEN);
  });

  describe("a source that is a mount point", () => {
    function stagedInside(report: CreateReport, source: string, method: string): void {
      expect(report.sources).to.deep.equal([{ path: source, stage: "inside", method }]);
      expect(extracted(report, source)).to.deep.equal(FROZEN);
      expect(report.skipped).to.deep.equal([]);
    }

    for (const [kind, mebibytes, method] of [
      ["tmpfs", 16, "link"],
      ["ext4", 16, "link"],
      ["xfs", 512, "clone"],
    ] as const) {
      it(`has its stage inside, unseen, and its mtime to the nanosecond as before: ${kind}`, async function () {
        const source = mounted.make(this, kind, mebibytes);
        rmSync(join(source, "lost+found"), { recursive: true, force: true });
        writeTree(source, TREE);
        execFileSync("touch", ["-m", "-d", "@1700000000.123456789", source]);
        const before = marksOf(source, { ctime: false });
        const report = await createFrom(source);
        stagedInside(report, source, method);
        expect(lstatSync(source, { bigint: true }).mtimeNs).to.equal(1_700_000_000_123_456_789n);
        expect(marksOf(source, { ctime: false })).to.deep.equal(before);
      });
    }

    it("may be a bind mount", async function () {
      const directory = join(ext4, "bound-elsewhere");
      writeTree(directory, TREE);
      const source = join(tmpDirectory(), "source");
      mkdirSync(source);
      const unmount = mounted.bind(this, directory, source);
      try {
        stagedInside(await createFrom(source), source, "link");
        expect(contents(directory)).to.deep.equal(FROZEN);
      } finally {
        unmount();
      }
    });
  });

  describe("a source that is mounted read-only", () => {
    let source: string;
    let home: string;
    let unmount: () => void;

    beforeEach(function () {
      const directory = join(ext4, "read-only-elsewhere");
      writeTree(directory, TREE);
      source = join(memory, "read-only");
      mkdirSync(source, { recursive: true });
      unmount = mounted.bind(this, directory, source, "ro");
      home = tmpDirectory();
    });
    afterEach(() => unmount());

    it("is copied into a stage in the cache directory, and left exactly as it is", async () => {
      const before = marksOf(source, { ctime: true });
      const report = await createFrom(source, {}, { homedir: home });
      expect(report.sources).to.deep.equal([{ path: source, stage: "cache", method: "copy" }]);
      expect(report.capture).to.deep.equal({ clone: 0, link: 0, copy: 2, database: 0 });
      expect(extracted(report, source)).to.deep.equal(FROZEN);
      expect(marksOf(source, { ctime: true })).to.deep.equal(before);
      expect(contents(home)).to.deep.equal({ ".cache/": "/", ".cache/holdstill/": "/" });
    });

    it("cannot be linked or cloned, and a strategy that does so is refused with a hint", async () => {
      for (const strategy of ["link", "clone"] as const) {
        const refusal = await createFrom(source, { strategy }, { homedir: home }).catch((error: unknown) => error);
        expect(refusal).to.be.instanceOf(HoldstillError).with.property("code", "usage");
        expect(refusal)
          .to.include({ path: source })
          .and.to.have.property("hint")
          .that.matches(/--strategy auto/);
        expect(contents(home)).to.deep.equal({ ".cache/": "/", ".cache/holdstill/": "/" });
      }
    });
  });
});
