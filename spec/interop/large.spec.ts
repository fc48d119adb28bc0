import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, ftruncateSync, mkdirSync, openSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { CreateReport } from "../../lib/report/create-report.js";
import { bytesOf } from "../../lib/bytes.js";
import { execute, holdstill } from "../helpers/fire.js";
import { indexOf } from "../helpers/run.js";
import { openElsewhere } from "../helpers/sql-process.js";
import { tmpDirectory } from "../helpers/tree.js";

describe("a large source", function () {
  this.timeout(600_000);
  let source: string;
  let output: string;

  beforeEach(() => {
    source = join(tmpDirectory(), "state");
    mkdirSync(source);
    output = join(tmpDirectory(), "archives");
  });

  async function create(): Promise<CreateReport> {
    const { code, out, err } = await holdstill("create", "--source", source, "--output", output, "--json");
    expect({ code, err }).to.deep.equal({ code: 0, err: "" });
    return JSON.parse(out) as CreateReport;
  }

  async function verify({ archive }: CreateReport): Promise<{ readonly files: number; readonly bytes: number }> {
    const { code, out } = await holdstill("verify", archive, "--json");
    expect(code).to.equal(0);
    return JSON.parse(out) as { files: number; bytes: number };
  }

  async function listed({ archive }: CreateReport): Promise<string[]> {
    const { code, out, err } = await execute("tar", ["-tvf", archive]);
    expect({ code, err }).to.deep.equal({ code: 0, err: "" });
    return out.trimEnd().split("\n");
  }

  it("may have a file over 8 GiB, which the size field of a tar header cannot hold", async () => {
    const size = 8.5 * 2 ** 30;
    const file = join(source, "sparse.bin");
    const fd = openSync(file, "w");
    ftruncateSync(fd, size);
    writeSync(fd, "the end", size - 7);
    closeSync(fd);
    // At rest: one that was just written would be copied before it is archived, holes and all.
    const lastWeek = Date.now() / 1000 - 7 * 86_400;
    utimesSync(file, lastWeek, lastWeek);

    const report = await create();
    expect(report.verdicts).to.deep.equal({ exact: 1, prefix: 0, recaptured: 0, unstable: 0 });
    expect(report.counts.bytes).to.equal(size);
    expect(await verify(report)).to.deep.include({ files: 1, bytes: size });
    const line = (await listed(report)).find((one) => one.endsWith("/sparse.bin"));
    expect(line?.split(/\s+/)[2]).to.equal(String(size));
    const { out } = await execute("sh", [
      "-c",
      `tar -xOf "$1" --wildcards '*/sparse.bin' | tail -c 7`,
      "sh",
      report.archive,
    ]);
    expect(out).to.equal("the end");
  });

  it("may have 200,000 files in one directory", async () => {
    const COUNT = 200_000;
    for (let index = 0; index < COUNT; index++) writeFileSync(join(source, `${index}.json`), `${index}`);
    const report = await create();
    expect(report.counts).to.include({ files: COUNT, directories: 1 });
    expect(report.skipped).to.deep.equal([]);
    expect(await verify(report)).to.deep.include({ files: COUNT });
    const names = (await listed(report)).filter((line) => /\/payload\/.*\.json$/.test(line));
    expect(new Set(names).size).to.equal(COUNT);
  });

  it("may have a database of 1 GiB that its program has open", async () => {
    const program = await openElsewhere(bytesOf(join(source, "main.sqlite")));
    try {
      const rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1024) SELECT i FROM n";
      const filled = await program.run(
        `PRAGMA journal_mode=WAL; CREATE TABLE t(b); INSERT INTO t SELECT randomblob(1048576) FROM (${rows}); SELECT 1`,
      );
      expect(filled).to.deep.equal({ rows: [[1]] });
      const report = await create();
      expect(report.capture).to.deep.equal({ clone: 0, link: 0, copy: 0, database: 1 });
      expect(report.counts.bytes).to.be.greaterThan(2 ** 30);
      const [line] = indexOf(report).filter(({ type }) => type === "file");
      expect(line?.["database"]).to.include({ integrity: "ok", journalMode: "wal", blockedMs: 0 });
      expect(await verify(report)).to.deep.include({ databases: 1, unchecked: [] });
    } finally {
      await program.end();
    }
  });

  for (const strategy of ["link", "copy"]) {
    it(`may have 100 MiB that are rewritten in place without a pause: never mixed and called exact (${strategy})`, async () => {
      const file = join(source, "restless.bin");
      writeFileSync(file, Buffer.alloc(100 << 20, "a"));
      const writer = spawn(process.execPath, ["-e", RESTLESS, file], { stdio: ["ignore", "pipe", "inherit"] });
      try {
        await once(writer.stdout, "data");
        const args = ["--source", source, "--output", output, "--strategy", strategy, "--compress", "none", "--json"];
        const { code, out } = await holdstill("create", ...args);
        const { archive, verdicts } = JSON.parse(out) as CreateReport;
        const bytes = execFileSync("tar", ["-xOf", archive, "--wildcards", "*/restless.bin"], { maxBuffer: 256 << 20 });
        const mixed = !bytes.equals(Buffer.alloc(100 << 20, bytes.subarray(0, 1)));
        expect({ code, unstable: verdicts.unstable }).to.deep.equal(
          verdicts.unstable > 0 || mixed ? { code: 3, unstable: 1 } : { code: 0, unstable: 0 },
        );
      } finally {
        writer.kill();
        await once(writer, "exit");
      }
    });
  }
});

/** Fills a file with one letter after the other, and tells when the first is through. */
const RESTLESS = `
  const fs = require("node:fs");
  const fd = fs.openSync(process.argv[1], "r+");
  for (let round = 1; ; round++) {
    const block = Buffer.alloc(1 << 20, String.fromCharCode(97 + (round % 26)));
    for (let at = 0; at < 100; at++) fs.writeSync(fd, block, 0, block.length, at << 20);
    if (round === 1) fs.writeSync(1, "x");
  }
`;
