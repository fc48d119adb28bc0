import { expect } from "chai";
import { bytesOf, type Bytes } from "../../lib/bytes.js";
import type { Kind } from "../../lib/filesystem.js";
import { excluder, type Excluder, type Rule } from "../../lib/profile/exclude.js";

const rules = (...patterns: string[]): Rule[] => patterns.map((pattern) => ({ name: pattern, pattern }));
const ask = (asked: Excluder, path: string, kind: Kind = "file") => asked.rule(bytesOf(path), kind);

describe("excluder", () => {
  const table: [patterns: string[], path: string, kind: Kind, rule: string | undefined][] = [
    [["*.log"], "a/b.log", "file", "*.log"],
    [["*.log"], "a/b.LOG", "file", undefined],
    [["*.log", "!keep.log"], "a/keep.log", "file", undefined],
    [["!keep.log", "*.log"], "a/keep.log", "file", "*.log"],
    [["/build"], "build", "directory", "/build"],
    [["/build"], "a/build", "directory", undefined],
    [["build/"], "a/build", "directory", "build/"],
    [["build/"], "a/build", "file", undefined],
    [["build/"], "a/build", "symlink", undefined],
    [["a/*/c"], "a/b/c", "file", "a/*/c"],
    [["a/*/c"], "a/b/b/c", "file", undefined],
    [["a/**/c"], "a/b/b/c", "file", "a/**/c"],
    [["a/**/c"], "x/a/c", "file", undefined],
    [["a\\*b"], "a*b", "file", "a\\*b"],
    [["\\!important"], "!important", "file", "\\!important"],
    [["# comment", ""], "# comment", "file", undefined],
    [["*"], ".", "directory", undefined],
    [["*.log"], "..hidden/..log.log", "file", "*.log"],
    [["*.txt"], "back\\slash.txt", "file", "*.txt"],
    [["*.txt"], "line\nbreak.txt", "file", "*.txt"],
    [["*"], "__proto__", "file", "*"],
    [["ö*"], "ös", "file", "ö*"],
  ];
  for (const [patterns, path, kind, rule] of table) {
    it(`${JSON.stringify(patterns)} ${rule === undefined ? "keeps" : "leaves out"} the ${kind} ${JSON.stringify(path)}`, () => {
      expect(ask(excluder(rules(...patterns), []), path, kind)).to.equal(rule);
    });
  }

  it("tells the name of a rule, not its pattern", () => {
    expect(ask(excluder([{ name: "openclaw:npm", pattern: "/npm/" }], []), "npm", "directory")).to.equal(
      "openclaw:npm",
    );
  });

  it("matches a name that is not UTF-8 by its readable part", () => {
    expect(excluder(rules("*.log"), []).rule("caf\xe9.log" as Bytes, "file")).to.equal("*.log");
  });

  it("does not throw for a path that leads out", () => {
    expect(ask(excluder(rules("*.log"), []), "../x.log")).to.equal("*.log");
  });

  it("lets the user bring back what the profile leaves out", () => {
    const both = excluder(rules("/tmp/"), rules("!/tmp/"));
    expect([ask(both, "tmp", "directory"), ask(both, "tmp/a")]).to.deep.equal([undefined, undefined]);
  });

  it("lets nothing bring back what is always left out", () => {
    const private_: Rule = { name: "private", pattern: "/secret/", always: true };
    const both = excluder([private_], rules("!/secret/", "!**"));
    expect(ask(both.within(bytesOf("."), "!secret\n"), "secret", "directory")).to.equal("private");
  });

  it("gives the same answers after more questions than it remembers", () => {
    const one = excluder(rules("*.log", "!keep.log"), []);
    for (let index = 0; index < 10_000; index++) ask(one, `a/${index}`);
    expect([ask(one, "a/b.log"), ask(one, "a/keep.log")]).to.deep.equal(["*.log", undefined]);
  });
});

describe("an ignore file", () => {
  const inside = (directory: string, text: string, base = excluder([], [])) => base.within(bytesOf(directory), text);
  const table: [directory: string, line: string, path: string, kind: Kind, isOut: boolean][] = [
    ["a", "*.log", "a/b/c.log", "file", true],
    ["a", "*.log", "c.log", "file", false],
    ["a", "/x", "a/x", "file", true],
    ["a", "/x", "a/b/x", "file", false],
    ["a", "b/x", "a/b/x", "file", true],
    ["a", "b/x", "a/a/b/x", "file", false],
    ["a", "x/", "a/b/x", "directory", true],
    ["a", "x/", "a/b/x", "file", false],
    ["a", "x/ ", "a/b/x", "directory", true],
    ["a", "**", "a/b", "file", true],
    ["a", "\\#x", "a/#x", "file", true],
    ["a", "\\!x", "a/!x", "file", true],
    ["a [1]*", "x", "a [1]*/x", "file", true],
    ["a [1]*", "x", "a 1/x", "file", false],
    [".", "/x", "x", "file", true],
    ["a", "!", "a/b", "directory", false],
    ["a", "/", "a/b", "directory", false],
  ];
  for (const [directory, line, path, kind, isOut] of table) {
    it(`${JSON.stringify(line)} in ${directory} ${isOut ? "leaves out" : "keeps"} the ${kind} ${path}`, () => {
      const name = directory === "." ? ".holdstillignore" : `${directory}/.holdstillignore`;
      expect(ask(inside(directory, line), path, kind)).to.equal(isOut ? `${name}: ${line}` : undefined);
    });
  }

  it("overrules one above it, and the user overrules both", () => {
    const outer = inside("a", "*.log\r\n", excluder([], rules("!u.log")));
    const inner = inside("a/b", "!keep.log", outer);
    expect(ask(inner, "a/b/x.log")).to.equal("a/.holdstillignore: *.log");
    expect(ask(inner, "a/b/keep.log")).to.equal(undefined);
    expect(ask(outer, "a/b/keep.log")).to.equal("a/.holdstillignore: *.log");
    expect(ask(inner, "a/b/u.log")).to.equal(undefined);
  });

  it("with nothing but comments and blank lines changes nothing", () => {
    const base = excluder([], []);
    expect(inside("a", "\uFEFF# nothing\n\n  \n", base)).to.equal(base);
  });
});
