import { realpathSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { disk } from "../../lib/filesystem.js";
import { fsWith, interrupted } from "../helpers/port.js";
import { createFrom, extracted } from "../helpers/run.js";
import { tmpTree } from "../helpers/tree.js";

/** What the live writer found, once each and at will. */
describe("what moves while it is captured", () => {
  for (const [strategy, operation] of [
    ["link", "link"],
    ["copy", "openRead"],
  ] as const) {
    it(`has no file under the old name of its directory that was only ever under the new one: ${strategy}`, async () => {
      const source = tmpTree({ agents: { "old-name": { "a.json": "a", "b.json": "b", "z.json": "before" } } });
      const agent = join(source, "agents/old-name");
      const renamed = join(source, "agents/new-name");
      const first = (from: string, ..._to: string[]): boolean => dirname(realpathSync(from)) === agent;
      const { fs, came } = interrupted("before", operation, first, () => {
        renameSync(agent, renamed);
        for (const name of ["a.json", "b.json", "z.json"]) {
          writeFileSync(join(renamed, `${name}.tmp`), `after, ${name}`);
          renameSync(join(renamed, `${name}.tmp`), join(renamed, name));
        }
      });
      const report = await createFrom(source, { strategy }, { fs });
      expect(came()).to.equal(true);
      const found = extracted(report, source);
      expect(found).to.include({
        "agents/new-name/a.json": "after, a.json",
        "agents/new-name/b.json": "after, b.json",
        "agents/new-name/z.json": "after, z.json",
      });
      const old = Object.entries(found).filter(([path, content]) => /old-name/.test(path) && /after/.test(content));
      expect(old).to.deep.equal([]);
      expect(report).to.include({ settled: true, complete: true });
    });
  }

  it("settles although in every pass a file is renamed over another, when both have been captured", async () => {
    const names = Array.from({ length: 60 }, (_, index) => `${String(index).padStart(2, "0")}.txt`);
    const source = tmpTree(Object.fromEntries(names.map((name) => [name, name])));
    const left = [...names];
    let captured = 0;
    let passes = 0;
    const fs = fsWith({
      openRead(path) {
        if (dirname(realpathSync(path)) === source) captured++;
        return disk.openRead(path);
      },
      list(path) {
        if (captured >= names.length && realpathSync(path) === source) {
          passes++;
          const [from, to] = left.splice(0, 2);
          if (from !== undefined && to !== undefined) renameSync(join(source, from), join(source, to));
        }
        return disk.list(path);
      },
    });
    const report = await createFrom(source, { strategy: "copy" }, { fs });
    expect(passes).to.be.greaterThan(0);
    expect(Object.keys(extracted(report, source))).to.deep.equal(names);
    expect(report).to.include({ settled: true, complete: true });
  });
});
