import { expect } from "chai";
import { HoldstillError } from "../../lib/errors.js";
import { parseJournal, printJournal } from "../../lib/guard/journal-text.js";
import { isUnfinished, nextOf, type Phase } from "../../lib/guard/journal.js";
import { bytes, journal, pinnedPlace, place } from "./sample.js";

describe("the journal of a guarded command", () => {
  it("is read as it was written, names that are not UTF-8 included", () => {
    const whole = journal({
      places: [place({ live: bytes("/s\xff") }), pinnedPlace("a/m", "\xe9")],
      mounts: [{ point: bytes("/\xff"), device: "8:1", path: bytes("/s\xff") }],
      moves: [
        { kind: "aside", from: bytes("/s\xff"), to: bytes("/f") },
        { kind: "in", from: bytes("/r"), to: bytes("/s\xff"), aside: bytes("/f") },
        { kind: "carry", from: bytes("/f/\xc3\xa9"), to: bytes("/s\xff/x") },
      ],
    });
    expect(parseJournal(printJournal(whole), "j")).to.deep.equal(whole);
  });

  it("shows paths as text where they are text", () => {
    expect(printJournal(journal({ places: [place({ live: bytes("/s\xc3\xa9") })] }))).to.include('"live": "/sé"');
  });

  it("is read too where it is from before commands had a mark besides their id", () => {
    const text = printJournal(journal()).replace(/^ "mark": .*\n/m, "");
    expect(parseJournal(text, "j")).to.deep.equal(journal({ mark: "1" }));
  });

  const wrong: readonly (readonly [string, (text: string) => string])[] = [
    ["is cut off", (text) => text.slice(0, -20)],
    ["is empty", () => ""],
    ["is no object", () => "[]"],
    ["is of a later schema", (text) => text.replace('"schema": 1', '"schema": 2')],
    ["has an unknown phase", (text) => text.replace('"phase": "failed"', '"phase": "toString"')],
    ["has an unknown kind", (text) => text.replace('"kind": "guard"', '"kind": "other"')],
    ["lacks its places", (text) => text.replace('"places"', '"spaces"')],
    ["has a place of an unknown kind", (text) => text.replace('"how": "rename"', '"how": "magic"')],
    ["has a number that is none", (text) => text.replace('"graceMs": 3', '"graceMs": "3"')],
  ];
  for (const [how, damage] of wrong) {
    it(`is refused where it ${how}, and named`, () => {
      const text = printJournal(journal());
      expect(damage(text)).to.not.equal(text);
      expect(() => parseJournal(damage(text), "/j.json"))
        .to.throw(HoldstillError)
        .that.includes({ code: "io", path: "/j.json" });
    });
  }
});

describe("what is to be done next", () => {
  const cases: Readonly<Record<Phase, string>> = {
    preparing: "abandon",
    running: "judge",
    passed: "finish",
    failed: "put beside",
    exchanging: "exchange",
    exchanged: "bring back",
    returned: "nothing",
  };
  for (const [phase, next] of Object.entries(cases) as [Phase, string][]) {
    it(`after ${phase} is: ${next}`, () => {
      expect(nextOf({ phase })).to.equal(next);
      expect(isUnfinished({ phase })).to.equal(next !== "nothing");
    });
  }
});
