import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { age } from "../helpers/tree.js";
import { expectSame, facts, giveName, raw, treeOf } from "./same-tree.js";

const isRoot = process.getuid?.() === 0;

describe("entries of an archive", () => {
  for (const [which, target] of [
    ["absolute", "/etc/passwd"],
    ["dangling", "no/such"],
    ["leading out", "../../.."],
    ["with a newline", "a\nb"],
    ["not UTF-8", "\xff/\xe9"],
    ["long", "t".repeat(4000)],
    ["long and not UTF-8", "\xe9".repeat(4000)],
  ] as const) {
    it(`keep the target of a symbolic link that is ${which}`, async () => {
      const source = treeOf();
      fs.symlinkSync(Buffer.from(target, "latin1"), join(source, "link"));
      fs.symlinkSync(Buffer.from(target, "latin1"), raw(source, "\xe9"));
      await expectSame(source);
    });
  }

  const BEFORE_2038 = ["2026-01-02T03:04:05.123456789Z", "2038-01-19T03:14:07Z"];
  const AFTER_2038 = ["2038-01-19T03:14:08.000000001Z", "2100-02-28T00:00:00.5Z"];
  const BEFORE_1970 = ["1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999999Z", "1955-11-05T06:00:00.25Z"];
  for (const at of [...BEFORE_2038, ...AFTER_2038, ...BEFORE_1970]) {
    it(`keep their time to the nanosecond: ${at}`, async () => {
      const source = treeOf();
      giveName(source, "name");
      giveName(source, "\xe9");
      const touch = ["-depth", "-exec", "touch", "-h", "-d", at, "{}", "+"];
      expect(spawnSync("find", [source, ...touch]).status).to.equal(0);
      expect(facts(source)["file/\xe9"]?.["mtimeNs"]).to.equal(facts(source)["."]?.["mtimeNs"]);
      await expectSame(source);
    });
  }

  for (const id of [0, 262_143, 262_144, 2_097_152, 1_000_000_000, 4_294_967_294]) {
    it(`keep the owner ${id}`, async function () {
      if (!isRoot) this.skip();
      const source = treeOf();
      giveName(source, "name");
      giveName(source, "\xe9");
      const group = id === 0 ? 1_000_000_000 : id - 1;
      expect(spawnSync("chown", ["-hR", `${id}:${group}`, source]).status).to.equal(0);
      await expectSame(source);
    });
  }

  for (const mode of [0o000, 0o400, 0o644, 0o777, 0o4755, 0o2755, 0o1777, 0o6711]) {
    it(`keep the mode ${mode.toString(8).padStart(4, "0")}`, async function () {
      if (!isRoot) this.skip();
      const source = treeOf();
      giveName(source, "name");
      fs.chmodSync(join(source, "file/name"), mode);
      fs.chmodSync(join(source, "directory/name"), mode);
      await expectSame(source);
    });
  }

  const MIB = 1 << 20;
  for (const size of [0, 1, 511, 512, 513, MIB - 1, MIB, MIB + 1, 3 * MIB]) {
    it(`keep every byte of a file of ${size} bytes, fresh or old, under any name`, async () => {
      const source = treeOf();
      const bytes = Buffer.alloc(size, "0123456789abcdef\n");
      for (const name of ["fresh", "old", "\xe9 fresh", "\xe9 old"]) fs.writeFileSync(raw(source, name), bytes);
      for (const name of ["old", "\xe9 old"]) fs.utimesSync(raw(source, name), 1_000_000_000, 1_000_000_000);
      const report = await expectSame(source);
      expect(report.counts).to.include({ files: 4, bytes: 4 * size });
    });
  }

  it("keep an empty directory, and a source that is one", async () => {
    const source = treeOf();
    await expectSame(source);
    fs.mkdirSync(join(source, "empty/empty"), { recursive: true });
    age(source, 100);
    await expectSame(source);
  });
});
