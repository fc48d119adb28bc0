import { expect } from "chai";
import { disk } from "../../lib/filesystem.js";
import { configuration, type Configuration } from "../../lib/profile/configuration.js";
import { looking } from "../../lib/profile/discover.js";
import { makeHome, type Home, type Tree } from "./home.js";

describe("configuration", () => {
  let home: Home;
  beforeEach(() => (home = makeHome()));
  afterEach(() => home.remove());

  function read(tree: Tree, roots: string[] = []): Configuration {
    home.plant(tree);
    const found = configuration(
      `${home.root}/c/main.json`,
      roots.map((root) => home.root + root),
      looking(disk),
    );
    const short = (text: string) => text.replaceAll(home.root, "");
    return { value: found.value, included: found.included.map(short), problems: found.problems.map(short) };
  }

  it("is empty where there is none", () => {
    expect(read({})).to.deep.equal({ value: {}, included: [], problems: [] });
  });

  it("takes JSON5 with comments, single quotes and a byte order mark", () => {
    expect(read({ "c/main.json": "\uFEFF{ // x\n a: 'b', }" }).value).to.deep.equal({ a: "b" });
  });

  it("merges includes below what the file says itself: objects key by key, lists one after the other", () => {
    const { value, included } = read({
      "c/main.json": `{ $include: ["a.json", "./sub/b.json"], o: { own: 1, both: 1 }, l: [3] }`,
      "c/a.json": `{ o: { a: 1, both: 2 }, l: [1] }`,
      "c/sub/b.json": `{ l: [2], deep: { $include: "c.json" } }`,
      "c/sub/c.json": `{ c: true }`,
    });
    expect(value).to.deep.equal({ o: { own: 1, both: 1, a: 1 }, l: [1, 2, 3], deep: { c: true } });
    expect(included).to.deep.equal(["/c/a.json", "/c/sub/b.json", "/c/sub/c.json"]);
  });

  it("tells an included file by where it really is", () => {
    const tree = {
      "c/main.json": `{ $include: "l.json" }`,
      "c/real/x.json": "{}",
      "c/l.json": { link: "real/x.json" },
    };
    expect(read(tree).included).to.deep.equal(["/c/real/x.json"]);
  });

  it("takes includes from elsewhere where that is allowed", () => {
    const tree = { "c/main.json": `{ $include: "../d/a.json" }`, "d/a.json": "{ a: 1 }" };
    expect(read(tree, ["/d"])).to.deep.equal({ value: { a: 1 }, included: ["/d/a.json"], problems: [] });
  });

  const faults: [title: string, tree: Tree, problem: RegExp, included: string[]][] = [
    ["that leads out", { "c/main.json": `{ $include: "../a.json" }`, "a.json": "{}" }, /takes no includes from/, []],
    [
      "whose link leads out",
      { "c/main.json": `{ $include: "a.json" }`, "c/a.json": { link: "../a.json" }, "a.json": "{}" },
      /takes no includes from/,
      [],
    ],
    ["that is missing", { "c/main.json": `{ $include: "a.json" }` }, /\/c\/a\.json could not be read/, []],
    ["that is no name", { "c/main.json": `{ $include: 7 }` }, /has to name files/, []],
    [
      "that does not parse",
      { "c/main.json": `{ $include: "a.json" }`, "c/a.json": "{" },
      /a\.json does not parse/,
      ["/c/a.json"],
    ],
    [
      "that is nested without end",
      { "c/main.json": `{ $include: "a.json" }`, "c/a.json": "[".repeat(1e5) + "]".repeat(1e5) },
      /a\.json does not parse: it is nested more than 100 levels deep/,
      ["/c/a.json"],
    ],
    ["that no file can have the name of", { "c/main.json": `{ $include: "\\u0000" }` }, /could not be read/, []],
    [
      "that comes back to itself",
      { "c/main.json": `{ $include: "a.json" }`, "c/a.json": `{ $include: "main.json" }` },
      /include each other/,
      ["/c/a.json"],
    ],
  ];
  for (const [title, tree, problem, included] of faults) {
    it(`tells an include ${title} as a problem and keeps the rest`, () => {
      const found = read(tree);
      expect(found.problems).to.have.length(1);
      expect(found.problems[0]).to.match(problem);
      expect(found.included).to.deep.equal(included);
    });
  }

  it("follows ten includes and not eleven", () => {
    const tree: Record<string, string> = { "c/main.json": `{ $include: "0.json" }` };
    for (let n = 0; n < 12; n++) tree[`c/${n}.json`] = `{ $include: "${n + 1}.json" }`;
    const { included, problems } = read(tree);
    expect(included).to.have.length(10);
    expect(problems[0]).to.match(/more than 10 deep/);
  });

  it("does not let a file change the prototype of objects", () => {
    const { value } = read({
      "c/main.json": `{ "$include": "a.json", "o": {} }`,
      "c/a.json": `{ "__proto__": { "bad": 1 } }`,
    });
    expect({ ...value }).to.not.have.property("bad");
    expect({}).to.not.have.property("bad");
  });
});
