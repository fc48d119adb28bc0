import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect } from "chai";
import type { CreateOptions } from "../../lib/create.js";
import { createFrom, extracted, indexOf } from "../helpers/run.js";
import { link, tmpTree, type Tree } from "../helpers/tree.js";
import { METHODS } from "./frozen.js";

const TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# a cache\n";

interface Selected {
  readonly title: string;
  readonly tree: Tree;
  readonly options?: Partial<CreateOptions>;
  readonly kept: readonly string[];
  readonly rules: Readonly<Record<string, number>>;
}

const SELECTED: readonly Selected[] = [
  {
    title: "leaves out what a pattern matches, directories whole, and counts by rule",
    tree: { "a.tmp": "", "a.jsonl": "", sub: { "b.tmp": "", "b.jsonl": "" }, cache: { x: "", deep: { y: "" } } },
    options: { exclude: ["*.tmp", "/cache/"] },
    kept: ["a.jsonl", "sub/", "sub/b.jsonl"],
    rules: { "*.tmp": 2, "/cache/": 1 },
  },
  {
    title: "lets a later pattern bring back what an earlier one leaves out",
    tree: { "a.log": "", "keep.log": "" },
    options: { exclude: ["*.log", "!keep.log"] },
    kept: ["keep.log"],
    rules: { "*.log": 1 },
  },
  {
    title: "leaves out what an ignore file says, below the directory that it lies in",
    tree: {
      "x.bin": "",
      sub: { ".holdstillignore": "# big\n*.bin\n/only\n", "x.bin": "", only: "", deep: { "y.bin": "", only: "" } },
    },
    kept: ["sub/", "sub/.holdstillignore", "sub/deep/", "sub/deep/only", "x.bin"],
    rules: { "sub/.holdstillignore: *.bin": 2, "sub/.holdstillignore: /only": 1 },
  },
  {
    title: "follows no link to an ignore file",
    tree: { ".holdstillignore": link("rules"), rules: "*\n", "x.bin": "" },
    kept: [".holdstillignore", "rules", "x.bin"],
    rules: {},
  },
  {
    title: "leaves out tagged cache directories when asked to",
    tree: { cache: { "CACHEDIR.TAG": TAG, x: "", deep: { y: "" } }, other: { "CACHEDIR.TAG": "no signature", z: "" } },
    options: { excludeCaches: true },
    kept: ["other/", "other/CACHEDIR.TAG", "other/z"],
    rules: { "CACHEDIR.TAG": 1 },
  },
  {
    title: "keeps tagged cache directories unless asked to",
    tree: { cache: { "CACHEDIR.TAG": TAG, x: "" } },
    kept: ["cache/", "cache/CACHEDIR.TAG", "cache/x"],
    rules: {},
  },
  {
    title: "leaves out stages, whatever is said of them",
    tree: { ".holdstill-stage-0-1-1": { x: "" }, ".holdstill-stage-note": "" },
    options: { exclude: ["!.holdstill-stage-*"] },
    kept: [".holdstill-stage-note"],
    rules: { "holdstill:stage": 1 },
  },
];

describe("selection", () => {
  for (const strategy of METHODS) {
    for (const { title, tree, options, kept, rules } of SELECTED) {
      it(`${title} (${strategy})`, async () => {
        const root = tmpTree(tree);
        const report = await createFrom(root, { strategy, ...options });
        expect(report).to.include({ complete: true });
        expect(Object.keys(extracted(report, root)).sort()).to.deep.equal([...kept].sort());
        expect(Object.fromEntries(report.excluded.rules.map(({ rule, count }) => [rule, count]))).to.deep.equal(rules);
        expect(report.excluded.count).to.equal(Object.values(rules).reduce((sum, count) => sum + count, 0));
        expect(report.skipped).to.deep.equal([]);
      });
    }
  }

  it("names each thing that it leaves out, with its rule, in the index", async () => {
    const root = tmpTree({ "a.tmp": "", sub: { "b.tmp": "" }, cache: { x: "" }, "z.jsonl": "" });
    const report = await createFrom(root, { exclude: ["*.tmp", "cache"] });
    const skips = indexOf(report).filter(({ type }) => type === "skip");
    expect(skips.map(({ path, reason, rule }) => [path, reason, rule])).to.deep.equal([
      ["a.tmp", "excluded", "*.tmp"],
      ["cache", "excluded", "cache"],
      ["sub/b.tmp", "excluded", "*.tmp"],
    ]);
  });

  it("counts special files by the rule that leaves them out, and reports the others", async () => {
    const root = tmpTree({ "a.jsonl": "" });
    for (const name of ["left.pipe", "told.fifo"]) execFileSync("mkfifo", [join(root, name)]);
    const report = await createFrom(root, { exclude: ["*.pipe"] });
    expect(report.excluded).to.deep.equal({ count: 1, rules: [{ rule: "*.pipe", count: 1 }] });
    expect(report.skipped).to.deep.equal([{ path: "told.fifo", source: 0, reason: "special" }]);
  });

  it("does not wait for an ignore file or a cache tag that is a FIFO", async () => {
    const root = tmpTree({ sub: { "a.jsonl": "" } });
    for (const name of [".holdstillignore", "sub/CACHEDIR.TAG"]) execFileSync("mkfifo", [join(root, name)]);
    const report = await createFrom(root, { excludeCaches: true });
    expect(Object.keys(extracted(report, root))).to.deep.equal(["sub/", "sub/a.jsonl"]);
    expect(report.skipped.map(({ path, reason }) => `${reason} ${path}`)).to.deep.equal([
      "special .holdstillignore",
      "special sub/CACHEDIR.TAG",
    ]);
  });
});
