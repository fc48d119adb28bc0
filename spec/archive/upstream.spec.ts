import { expect } from "chai";
import type { Bytes } from "../../lib/bytes.js";
import type { DatabaseProof, FrozenEntry } from "../../lib/stage/entry.js";
import { upstreamProblems } from "../../lib/archive/upstream.js";
import { directory, facts, file, link, plan, source } from "./manifest-facts.js";

const odd = (path: string): FrozenEntry => ({ ...file("x"), path: path as Bytes });
const GLOBAL = "state/openclaw.sqlite";
const checked = (changed: Partial<DatabaseProof>): FrozenEntry => ({
  ...file(GLOBAL, 0, "database"),
  database: {
    ...{ pinnedAt: "2026-11-23T12:00:00.000Z", journalMode: "wal", pageCount: 1, userVersion: 0, blockedMs: 0 },
    ...{ integrity: "ok", ...changed },
  },
});
const skip: FrozenEntry = { type: "skip", source: 0, path: "README" as Bytes, reason: "vanished" };

describe("upstreamProblems", () => {
  const database = GLOBAL;
  const table: [title: string, entries: FrozenEntry[], problems: string[]][] = [
    ["nothing odd", [directory("."), file("a"), file("b"), link("l", "/etc")], []],
    [
      "names that differ in case",
      [file("d/README"), file("d/readme")],
      ["The names d/README and d/readme are one to a system that ignores case"],
    ],
    ["names that differ in case in one that was skipped", [skip, file("readme")], []],
    ["names that differ in case in two sources", [file("a"), file("A", 1)], []],
    [
      "names that differ in their Unicode form",
      [file("é"), file("e\u0301")],
      ["The names é and e\u0301 are one to a system that ignores case"],
    ],
    ["a backslash", [file("a\\b")], ["The name a\\b has a backslash"]],
    ["a backslash in the target of a link", [link("l", "a\\b")], []],
    ["a line break", [file("a\nb")], ['The name "a\\nb" has a line break']],
    ["a line break in the target of a link", [link("l", "a\nb")], ["The target of l has a line break"]],
    ["one name that is not UTF-8", [odd("a\xff")], []],
    [
      "two that read alike",
      [odd("a\xff"), odd("a\xfe")],
      ["The names a\ufffd and a\ufffd are one to a system that ignores case"],
    ],
    ["the global database, taken as one", [file(database, 0, "database")], []],
    ["the global database, taken as a file", [file(database)], [`${database} was not taken as a database`]],
    [
      "the global database, damaged",
      [checked({ integrity: { problems: "row 1 missing from index i" } })],
      [`${database} is damaged: row 1 missing from index i`],
    ],
    [
      "the global database, unchecked",
      [checked({ integrity: { unchecked: "no such module: vec0" } })],
      [`${database} could not be checked: no such module: vec0`],
    ],
    [
      "the global database, its foreign keys violated",
      [checked({ foreignKeys: "violated" })],
      [`${database} has rows that refer to rows that are not there`],
    ],
    ["a file of that name in a workspace", [file(database, 1), file(`${database}-wal`, 1)], []],
    ["a sidecar", [file(`${database}-wal`)], [`${database}-wal lies beside its database`]],
  ];
  for (const [title, entries, problems] of table) {
    it(`of ${title}`, () => expect(upstreamProblems(facts(entries))).to.deep.equal(problems));
  }

  it("of the global database in a state that lies in another source", () => {
    const around = plan({ sources: [source("workspace", "/home/u")] });
    const path = `.openclaw/${database}`;
    expect(upstreamProblems(facts([file(path)], around))).to.deep.equal([`${path} was not taken as a database`]);
  });

  it("of sources that overlap but for case", () => {
    const sources = [source("state", "/Data/s"), source("workspace", "/data/S/ws"), source("workspace", "/data")];
    expect(upstreamProblems(facts([directory(".")], plan({ sources })))).to.deep.equal([
      "The paths /Data/s and /data/S/ws overlap but for case",
      "The paths /Data/s and /data overlap but for case",
    ]);
  });

  it("are told up to twenty, and the rest as a number", () => {
    const entries = Array.from({ length: 30 }, (_, n) => file(`a\\${n}`));
    expect(upstreamProblems(facts(entries)))
      .to.have.length(21)
      .and.include("and 10 more");
  });
});
