import { closeSync, ftruncateSync, mkdirSync, openSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { CreateReport } from "../../lib/report/create-report.js";
import { execute, holdstill } from "../helpers/fire.js";
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

  it("may have 50,000 files in one directory", async () => {
    const COUNT = 50_000;
    for (let index = 0; index < COUNT; index++) writeFileSync(join(source, `${index}.json`), `${index}`);
    const report = await create();
    expect(report.counts).to.include({ files: COUNT, directories: 1 });
    expect(report.skipped).to.deep.equal([]);
    expect(await verify(report)).to.deep.include({ files: COUNT });
    const names = (await listed(report)).filter((line) => /\/payload\/.*\.json$/.test(line));
    expect(new Set(names).size).to.equal(COUNT);
  });
});
