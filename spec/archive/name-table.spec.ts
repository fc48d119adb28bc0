import { expect } from "chai";
import { nameList } from "../../lib/archive/name-list.js";
import { nameTable } from "../../lib/archive/name-table.js";
import { bytesOf, type Bytes } from "../../lib/bytes.js";

/** Alike, different, empty, of any bytes, and longer than a page. */
const NAMES: readonly Bytes[] = [
  ...Array.from({ length: 5000 }, (_, index) => `root/agents/${Math.floor(index / 100)}/${index}.jsonl` as Bytes),
  ...["", "a", "a", "ab", "", bytesOf("ä€"), "\u00ff\u0000\u0080" as Bytes].map((name) => name as Bytes),
  ...[70_000, 70_001, 300].map((length) => "x".repeat(length) as Bytes),
  "xyz" as Bytes,
];

describe("a list of names", () => {
  it("gives them back as they are, in their order, any number of times", () => {
    const list = nameList();
    expect([...list]).to.deep.equal([]);
    for (const name of NAMES) list.add(name);
    expect(list.length()).to.equal(NAMES.length);
    expect([...list]).to.deep.equal(NAMES);
    expect([...list]).to.deep.equal(NAMES);
  });

  it("can be gone through while others go through it", () => {
    const list = nameList();
    for (const name of NAMES) list.add(name);
    const behind = list[Symbol.iterator]();
    let at = 0;
    for (const name of list) {
      expect(name).to.equal(NAMES[at]);
      if (at % 2 === 0) expect(behind.next().value).to.equal(NAMES[at / 2]);
      at++;
    }
  });
});

describe("a table of names", () => {
  it("tells what was noted last of each, and what was known before", () => {
    const table = nameTable();
    const model = new Map<string, number>();
    NAMES.forEach((name, index) => {
      expect(table.get(name)).to.equal(model.get(name) ?? 0);
      const value = 1 + (index % 255);
      expect(table.set(name, value)).to.equal(model.get(name) ?? 0);
      model.set(name, value);
    });
    for (const [name, value] of model) expect(table.get(name as Bytes)).to.equal(value);
    expect(table.get("root/agents/0/0.json" as Bytes)).to.equal(0);
  });
});
