import { appendFileSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { disk } from "../../lib/filesystem.js";
import { printRecord } from "../../lib/report/run-record.js";
import { appendRun, appendRunNow, KEPT, readRuns } from "../../lib/vault/runs.js";
import { interrupted, refuse } from "../helpers/port.js";
import { tmpDirectory } from "../helpers/tree.js";
import { failedRun, publishedRun } from "../report/runs.js";

describe("records of runs", () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = tmpDirectory();
    file = join(directory, ".holdstill/runs.jsonl");
    mkdirSync(join(directory, ".holdstill"));
  });

  const append = (at: number, fs = disk) => appendRun(fs, bytesOf(directory), publishedRun(at), Date.now());
  const runs = (): string[] => readRuns(disk, bytesOf(directory)).records.map(({ run }) => run);
  const fill = (count: number): void => {
    const lines = Array.from({ length: count }, (_, index) => printRecord(publishedRun(index)));
    writeFileSync(file, lines.join(""));
  };

  it("are read in the order in which they were appended", async () => {
    await append(1);
    await appendRun(disk, bytesOf(directory), failedRun(2), 0);
    expect(readRuns(disk, bytesOf(directory))).to.deep.equal({ records: [publishedRun(1), failedRun(2)], damaged: 0 });
  });

  it("that may not be read are an archive directory that cannot be looked into, and no internal error", () => {
    const fs = { ...disk, openRead: refuse("EACCES") };
    expect(() => readRuns(fs, bytesOf(directory)))
      .to.throw("the records of the archive directory cannot be read (EACCES)")
      .that.includes({ code: "no-archive", path: file });
  });

  it("are none where there is no file, and none is made where there is no archive directory", async () => {
    expect(readRuns(disk, bytesOf(directory))).to.deep.equal({ records: [], damaged: 0 });
    rmSync(join(directory, ".holdstill"), { recursive: true });
    expect(await append(1)).to.equal(false);
    expect(readdirSync(directory)).to.deep.equal([]);
  });

  it("are read around lines that are damaged, and those are counted", async () => {
    await append(1);
    appendFileSync(file, 'garbage\n{"run":1}\n');
    await append(2);
    expect(runs()).to.deep.equal(["run 1", "run 2"]);
    expect(readRuns(disk, bytesOf(directory)).damaged).to.equal(2);
  });

  it("are not spoilt by half a line before them", async () => {
    writeFileSync(file, '{"run":"half');
    await append(1);
    await append(2);
    expect(runs()).to.deep.equal(["run 1", "run 2"]);
  });

  it(`are the newest ${KEPT}`, async () => {
    fill(KEPT + 5);
    await append(1000);
    expect(readFileSync(file, "utf8").split("\n")).to.have.lengthOf(KEPT + 1);
    expect(runs()[0]).to.equal("run 6");
    expect(runs().at(-1)).to.equal("run 1000");
    expect(readdirSync(join(directory, ".holdstill"))).to.deep.equal(["runs.jsonl"]);
  });

  for (const [when, operation] of [
    ["before", "rename"],
    ["after", "rename"],
    ["after", "openAppend"],
    ["before", "fstat"],
  ] as const) {
    it(`are not lost where another run appends ${when} ${operation} while the file is shortened`, async () => {
      fill(KEPT);
      const isCopy = (...[path]: readonly unknown[]): boolean => operation === "fstat" || String(path).endsWith(".new");
      const { fs, came } = interrupted(when, operation, isCopy, () => {
        appendRunNow(disk, bytesOf(directory), publishedRun(2000));
      });
      await append(1000, fs);
      expect(came()).to.equal(true);
      expect(runs()).to.include.members(["run 1000", "run 2000"]);
    });
  }

  it("are not lost where another run shortens the file while one is appended", async () => {
    fill(KEPT + 1);
    let others: Promise<boolean> | undefined;
    const { fs, came } = interrupted(
      "after",
      "openAppend",
      (path) => path.endsWith("runs.jsonl"),
      () => {
        writeFileSync(`${file}.other`, readFileSync(file));
        disk.rename(bytesOf(`${file}.other`), bytesOf(file));
        others = append(2000);
      },
    );
    await append(1000, fs);
    await others;
    expect(came()).to.equal(true);
    expect(runs()).to.include.members(["run 1000", "run 2000"]);
    expect(runs().filter((run) => run === "run 1000")).to.have.lengthOf(1);
  });

  it("are shortened by one run at a time, and again where that one was killed", async () => {
    fill(KEPT + 1);
    writeFileSync(`${file}.new`, "");
    await append(1000);
    expect(readFileSync(file, "utf8").split("\n")).to.have.lengthOf(KEPT + 3);
    utimesSync(`${file}.new`, 1, 1);
    await append(1001);
    expect(readFileSync(file, "utf8").split("\n")).to.have.lengthOf(KEPT + 1);
    expect(readdirSync(join(directory, ".holdstill"))).to.deep.equal(["runs.jsonl"]);
  });
});
