import {
  appendFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import type { Filesystem, Stat } from "../../lib/filesystem.js";
import { errno, interrupted } from "../helpers/port.js";
import { createFrom, extract, extracted, indexOf } from "../helpers/run.js";
import { age, contents, tmpDirectory, tmpTree } from "../helpers/tree.js";
import { at, frostOf, METHODS, named, ordered, walking } from "./frozen.js";

/** A tree whose files have further names in it: each list is one file, its first name first. */
function linked(...groups: (readonly string[])[]): string {
  const root = tmpTree({ sub: {} });
  for (const [first = "", ...others] of groups) {
    writeFileSync(join(root, first), `${first}\n`);
    for (const other of others) linkSync(join(root, first), join(root, other));
  }
  age(root, 3600);
  return root;
}

describe("hard links", () => {
  for (const strategy of METHODS) {
    it(`are hard links again, to the first name in bytewise order (${strategy})`, async () => {
      const root = linked(["z", "Z", "sub/a", "b"], ["single"], ["sub/x", "sub-x"]);
      const { found } = await frostOf(ordered, root, strategy);
      expect(found).to.deep.equal({
        Z: "z\n",
        b: "= Z",
        single: "single\n",
        "sub-x": "sub/x\n",
        "sub/": "/",
        "sub/a": "= Z",
        "sub/x": "= sub-x",
        z: "= Z",
      });
    });

    it(`are one file again when tar extracts them, from two sources too (${strategy})`, async () => {
      const parent = tmpDirectory();
      for (const name of ["one", "two"]) mkdirSync(join(parent, name));
      writeFileSync(join(parent, "two/x"), "shared\n");
      for (const name of ["one/y", "two/a"]) linkSync(join(parent, "two/x"), join(parent, name));
      age(parent, 3600);
      const report = await createFrom(parent, { strategy, sources: [join(parent, "two"), join(parent, "one")] });
      expect(report.counts).to.include({ files: 1, hardlinks: 2 });
      const target = extract(report.archive);
      const [root = ""] = Object.keys(contents(target));
      const [first, ...others] = ["one/y", "two/a", "two/x"].map((name) =>
        lstatSync(join(target, root, "payload/posix", parent, name)),
      );
      expect(others.map(({ ino }) => ino)).to.deep.equal([first?.ino, first?.ino]);
      const lines = indexOf(report).filter(({ type }) => type === "file" || type === "hardlink");
      expect(lines.map(({ type, path }) => `${String(type)} ${String(path)}`)).to.deep.equal([
        "file y",
        "hardlink a",
        "hardlink x",
      ]);
    });

    it(`are not made of a file that is captured again under its new name (${strategy})`, async () => {
      const root = tmpTree({ a: { "x.jsonl": "x\n" }, b: { "y.jsonl": "y\n" } });
      age(root, 3600);
      const move = (): void => renameSync(join(root, "a/x.jsonl"), join(root, "b/x.jsonl"));
      const captured = walking(at(root));
      const { fs, came } = interrupted("before", "list", walking(captured), move, {
        ...ordered,
        // A clock so coarse that every directory is listed again.
        fstat: (fd) => {
          const stat = ordered.fstat(fd);
          return stat.kind === "directory" ? { ...stat, mtimeNs: BigInt(Date.now()) * 1_000_000n } : stat;
        },
      });
      const { found } = await frostOf(fs, root, strategy);
      expect(came()).to.equal(true);
      expect(found).to.deep.equal({
        "a/": "/",
        "a/x.jsonl": "x\n",
        "b/": "/",
        "b/x.jsonl": "x\n",
        "b/y.jsonl": "y\n",
      });
    });

    it(`are not made of two files that had one inode number in turn (${strategy})`, async () => {
      const root = linked(["a", "a2"], ["b"]);
      const first = ordered.lstat(bytesOf(join(root, "a")));
      const second = ordered.lstat(bytesOf(join(root, "b")));
      const met = new Set<number>();
      const disguised = (stat: Stat): Stat => {
        if (stat.kind === "file") met.add(stat.ino);
        const { ino, mtimeNs, birthtimeNs } = first;
        return stat.ino === second.ino ? { ...stat, ino, mtimeNs, birthtimeNs: birthtimeNs + 1n, nlink: 5 } : stat;
      };
      const fs: Filesystem = {
        ...ordered,
        lstat: (path) => disguised(ordered.lstat(path)),
        fstat: (fd) => disguised(ordered.fstat(fd)),
      };
      const { found } = await frostOf(fs, root, strategy);
      expect(met).to.include(second.ino);
      expect(found).to.deep.equal({ a: "a\n", a2: "= a", b: "b\n", "sub/": "/" });
    });

    it(`are not made of a name that was given to another file meanwhile (${strategy})`, async () => {
      const root = linked(["a", "b"]);
      const replace = (): void => {
        rmSync(join(root, "b"));
        writeFileSync(join(root, "b"), "another\n");
      };
      const { fs, came } =
        strategy === "link"
          ? interrupted("before", "link", named("b"), replace, ordered)
          : interrupted("before", "openRead", named("b"), replace, ordered);
      const { found } = await frostOf(fs, root, strategy);
      expect(came()).to.equal(true);
      expect(found).to.deep.equal({ a: "a\n", b: "another\n", "sub/": "/" });
    });

    it(`lead to a file that is there when the first name vanishes (${strategy})`, async () => {
      const root = linked(["a", "b", "c"]);
      const { fs, came } = interrupted("after", "list", walking(at(root)), () => rmSync(join(root, "a")), ordered);
      const { found, skipped } = await frostOf(fs, root, strategy);
      expect(came()).to.equal(true);
      expect(found).to.deep.equal({ b: "a\n", c: "= b", "sub/": "/" });
      expect(skipped).to.deep.equal({ a: "vanished" });
    });
  }

  it("end at a complete line, and keep to the freeze as they grow, where any of their names says that they hold lines", async () => {
    const root = tmpTree({ "x.jsonl": '{"a":1}\n{"b"', "y.jsonl": '{"c":1}\n' });
    for (const name of ["x", "y"]) linkSync(join(root, `${name}.jsonl`), join(root, name));
    const onEvent = (event: { readonly type: string; readonly phase?: string }): void => {
      if (event.phase === "archive") appendFileSync(join(root, "y"), '{"d":1}\n');
    };
    const report = await createFrom(root, { strategy: "link" }, { onEvent });
    expect(extracted(report, root)).to.deep.equal({
      ...{ x: '{"a":1}\n', "x.jsonl": '{"a":1}\n' },
      ...{ y: '{"c":1}\n', "y.jsonl": '{"c":1}\n' },
    });
    expect(report).to.have.nested.include({ "cut.bytes": 4, "verdicts.exact": 1, "verdicts.prefix": 1 });
  });

  it("are one file where its link count is at its limit and it has to be copied", async () => {
    const root = linked(["a", "b"]);
    const fs: Filesystem = {
      ...ordered,
      link: (from, to) => {
        if (named("b")(from)) throw errno("EMLINK");
        ordered.link(from, to);
      },
    };
    const { found, methods } = await frostOf(fs, root, "link");
    expect(found).to.deep.equal({ a: "a\n", b: "= a", "sub/": "/" });
    expect(methods).to.deep.equal({ a: "link" });
  });

  it("keep their number in the live tree", async () => {
    const root = linked(["a", "b"], ["c"]);
    const names = ["a", "b", "c"];
    await createFrom(root, { strategy: "link" });
    expect(names.map((name) => lstatSync(join(root, name)).nlink)).to.deep.equal([2, 2, 1]);
    expect(names.map((name) => readFileSync(join(root, name), "utf8"))).to.deep.equal(["a\n", "a\n", "c\n"]);
  });
});
