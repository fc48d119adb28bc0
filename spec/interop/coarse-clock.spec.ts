import { fstatSync, lstatSync, readdirSync } from "node:fs";
import { realpathSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { expect } from "chai";
import { disk as port } from "../../lib/filesystem.js";
import { underFire } from "../helpers/fire.js";
import { mounts } from "../helpers/mounts.js";
import { fsWith, interrupted } from "../helpers/port.js";
import { createFrom, extracted } from "../helpers/run.js";
import { writeTree } from "../helpers/tree.js";

/** All changes of these specs are within this second, and all clocks agree. */
const SECOND = Math.floor(Date.now() / 1000);
const now = (): number => SECOND * 1000 + 500;

/** As for `npm run test:fire`; what interop runs by default is a sample. */
const RUNS = Number(process.env["HOLDSTILL_FIRE_RUNS"] ?? 4);

describe("on ext4 with time stamps of whole seconds", function () {
  this.timeout(1_800_000);
  const mounted = mounts();
  let disk: string;
  let source: string;

  before(function () {
    disk = mounted.make(this, "ext4 with 128-byte inodes", 512);
    rmSync(join(disk, "lost+found"), { recursive: true });
  });

  beforeEach(() => {
    source = join(disk, "state");
    writeTree(source, {
      one: { "a.txt": "a", "b.txt": "b" },
      two: { "c.txt": "c", "d.txt": "d" },
    });
    touchAll();
    expect(lstatSync(join(source, "one/a.txt"), { bigint: true }).mtimeNs % 1_000_000_000n).to.equal(0n);
  });

  afterEach(() => {
    rmSync(source, { recursive: true, force: true });
    expect(readdirSync(disk)).to.deep.equal([]);
  });

  /** As if it had all happened within one second: no directory's time stamp tells of it. */
  function touchAll(): void {
    for (const path of [".", ...readdirSync(source, { recursive: true, encoding: "utf8" })]) {
      utimesSync(join(source, path), SECOND, SECOND);
    }
  }

  for (const [strategy, capture] of [
    ["link", "link"],
    ["copy", "openRead"],
  ] as const) {
    it(`catches a rename within a directory that has been listed: ${strategy}`, async () => {
      const { fs, came } = interrupted(
        "before",
        capture,
        (from: string, ..._to: string[]) => inTree(from) === "one/a.txt",
        () => {
          renameSync(join(source, "one/a.txt"), join(source, "one/renamed.txt"));
          touchAll();
        },
      );
      const report = await createFrom(source, { strategy }, { fs, now });
      expect(came()).to.equal(true);
      expect(extracted(report, source)).to.deep.include({ "one/renamed.txt": "a", "one/b.txt": "b", "two/c.txt": "c" });
      expect(report).to.include({ settled: true, complete: true });
      expect(report.skipped).to.deep.equal([{ path: "one/a.txt", source: 0, reason: "vanished" }]);
    });

    it(`catches a rename out of a directory that is still to be walked, into one that was: ${strategy}`, async () => {
      const captured: string[] = [];
      let moved = "";
      const second = (from: string, ..._to: string[]): boolean => {
        const path = inTree(from);
        return path !== undefined && captured.push(path) === 2;
      };
      const { fs, came } = interrupted("after", capture, second, () => {
        const [walked, waiting] = captured[0]?.startsWith("one/") ? ["one", "two/c.txt"] : ["two", "one/a.txt"];
        moved = `${walked}/moved.txt`;
        renameSync(join(source, waiting), join(source, moved));
        touchAll();
      });
      const report = await createFrom(source, { strategy }, { fs, now });
      expect(came()).to.equal(true);
      const found = extracted(report, source);
      expect(Object.keys(found)).to.include(moved);
      expect(Object.values(found).sort().join("")).to.equal("//abcd");
      expect(report).to.include({ settled: true, complete: true });
    });
  }

  it("settles while a session is archived and begun anew ahead of every pass", async () => {
    let archived = 0;
    const fs = fsWith({
      link(from, to) {
        port.link(from, to);
        if (inTree(from) !== "one/a.txt") return;
        renameSync(join(source, "one/a.txt"), join(source, `one/a.txt.reset.${++archived}`));
        writeFileSync(join(source, "one/a.txt"), `a${archived}`);
        touchAll();
      },
    });
    const report = await createFrom(source, { strategy: "link" }, { fs, now });
    expect(archived).to.be.at.least(2);
    expect(report).to.include({ settled: true, complete: true });
    expect(extracted(report, source)).to.include({ "one/a.txt.reset.1": "a", "one/a.txt": "a1" });
  });

  it("does not take one reading of a file of the last two seconds for proof", async () => {
    const path = join(source, "one/a.txt");
    const rewrite = (text: string): void => {
      writeFileSync(path, text);
      touchAll();
    };
    rewrite("-".repeat(64));
    const { ino } = lstatSync(path);
    let readings = 0;
    let archiving = false;
    // The program writes one half before we read and the other after it, in one second: size and time stamp stay.
    const onEvent = (event: { readonly type: string; readonly phase?: string }): void => {
      if (event.phase !== "archive" || archiving) return;
      archiving = true;
      rewrite("=".repeat(32) + "-".repeat(32));
    };
    const read = (fd: number): void => {
      if (archiving && fstatSync(fd).ino === ino && readings++ === 0) rewrite("=".repeat(64));
    };
    const fs = fsWith({
      read(fd, ...where) {
        const bytes = port.read(fd, ...where);
        read(fd);
        return bytes;
      },
      async readAsync(fd, ...where) {
        const bytes = await port.readAsync(fd, ...where);
        read(fd);
        return bytes;
      },
    });
    const report = await createFrom(source, { strategy: "link" }, { fs, now, onEvent });
    expect(readings).to.be.at.least(2);
    expect(extracted(report, source)).to.have.property("one/a.txt", "=".repeat(64));
  });

  it(`keeps every promise ${RUNS} times out of ${RUNS} while another process changes the tree`, async () => {
    const { faults, runs, opsPerSecond, changesInWindows, capture, verdicts } = await underFire({
      ...{ place: source, strategy: "auto", runs: RUNS, seed: 1968 },
    });
    const seen = `${changesInWindows} changes while freezing; ${JSON.stringify({ capture, verdicts })}`;
    process.stdout.write(`      ${runs} runs, ${opsPerSecond} operations a second, ${seen}\n`);
    expect(faults).to.deep.equal([]);
    expect(capture).to.include({ clone: 0, copy: 0 });
    expect(changesInWindows).to.be.greaterThan(0);
  });

  /** What of the source a path leads to, by whatever descriptor. */
  function inTree(path: string): string | undefined {
    const directory = relative(source, realpathSync(dirname(path)));
    return directory.startsWith("..") ? undefined : join(directory, basename(path));
  }
});
