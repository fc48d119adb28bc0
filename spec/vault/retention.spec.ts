import { expect } from "chai";
import fc from "fast-check";
import { HoldstillError } from "../../lib/errors.js";
import { applyPolicy, assertKeeps, type Dated, type Decision, type Policy } from "../../lib/vault/retention.js";
import { parseSpan, type Offset } from "../../lib/vault/span.js";
import { utc, zone } from "./zone.js";

const NOW = Date.parse("2030-01-01T00:00:00Z");
const HOUR = 3_600_000;

function archive(moment: string, changes: Partial<Dated> = {}): Dated {
  return { name: moment, createdMs: Date.parse(moment), label: undefined, complete: true, verified: true, ...changes };
}

function decide(archives: readonly Dated[], policy: Policy, offset: Offset = utc): Decision<Dated>[] {
  return applyPolicy(archives, policy, { now: NOW, offset });
}

/** Why each archive is kept, the newest first, but that it is the newest; nothing for those that go. */
function reasons(moments: readonly string[], policy: Policy, offset: Offset = utc): Record<string, string> {
  const decisions = decide(
    moments.map((moment) => archive(moment)),
    policy,
    offset,
  );
  return Object.fromEntries(
    decisions.map((decision) => {
      const why = decision.keep ? decision.reasons.filter((reason) => reason !== "newest complete") : [];
      return [decision.archive.name, why.join(", ")];
    }),
  );
}

describe("a retention policy", () => {
  it("keeps the newest archives", () => {
    expect(reasons(["2026-01-01", "2026-01-03", "2026-01-02"], { keepLast: 2 })).to.deep.equal({
      "2026-01-03": "last",
      "2026-01-02": "last",
      "2026-01-01": "",
    });
  });

  it("keeps the newest of each day until so many days have one", () => {
    const moments = [
      "2026-01-01T01:00Z",
      "2026-01-02T01:00Z",
      "2026-01-02T02:00Z",
      "2026-01-05T01:00Z",
      "2026-01-05T23:00Z",
    ];
    expect(reasons(moments, { keepDaily: 2 })).to.deep.equal({
      "2026-01-05T23:00Z": "daily",
      "2026-01-05T01:00Z": "",
      "2026-01-02T02:00Z": "daily",
      "2026-01-02T01:00Z": "",
      "2026-01-01T01:00Z": "",
    });
  });

  it("keeps the oldest of all too while there are fewer periods than were asked for", () => {
    const moments = ["2026-01-02T01:00Z", "2026-01-02T02:00Z", "2026-01-02T03:00Z"];
    expect(reasons(moments, { keepDaily: 2, keepMonthly: 1 })).to.deep.equal({
      "2026-01-02T03:00Z": "daily, monthly",
      "2026-01-02T02:00Z": "",
      "2026-01-02T01:00Z": "oldest daily",
    });
  });

  it("has weeks from Monday, also across the end of a year", () => {
    // 28 December 2026 is a Monday, and its week is the last of 2026: to 3 January 2027.
    const moments = ["2026-12-27T12:00Z", "2026-12-28T00:00Z", "2027-01-03T23:59Z", "2027-01-04T00:00Z"];
    expect(reasons(moments, { keepWeekly: 3 })).to.deep.equal({
      "2027-01-04T00:00Z": "weekly",
      "2027-01-03T23:59Z": "weekly",
      "2026-12-28T00:00Z": "",
      "2026-12-27T12:00Z": "weekly",
    });
  });

  it("has leap days, months and years", () => {
    const moments = ["2027-12-31T12:00Z", "2028-02-28T12:00Z", "2028-02-29T12:00Z", "2028-03-01T12:00Z"];
    expect(reasons(moments, { keepDaily: 3, keepMonthly: 2, keepYearly: 2 })).to.deep.equal({
      "2028-03-01T12:00Z": "daily, monthly, yearly",
      "2028-02-29T12:00Z": "daily, monthly",
      "2028-02-28T12:00Z": "daily",
      "2027-12-31T12:00Z": "yearly",
    });
  });

  it("has the days of the place where it is applied", () => {
    const moments = ["2026-06-01T21:30Z", "2026-06-01T22:30Z"];
    expect(reasons([...moments, "2026-05-01T00:00Z"], { keepDaily: 2 }, zone("Europe/Berlin"))).to.deep.equal({
      "2026-06-01T22:30Z": "daily",
      "2026-06-01T21:30Z": "daily",
      "2026-05-01T00:00Z": "",
    });
    expect(reasons([...moments, "2026-05-01T00:00Z"], { keepDaily: 2 })["2026-06-01T21:30Z"]).to.equal("");
  });

  it("has days of 23 and of 25 hours, and takes an hour that the clock shows twice for one, as restic does", () => {
    const berlin = zone("Europe/Berlin");
    const spring = ["2026-03-28T22:30Z", "2026-03-28T23:30Z", "2026-03-29T21:30Z", "2026-03-29T22:30Z"];
    expect(reasons(spring, { keepDaily: 3 }, berlin)).to.deep.equal({
      "2026-03-29T22:30Z": "daily",
      "2026-03-29T21:30Z": "daily",
      "2026-03-28T23:30Z": "",
      "2026-03-28T22:30Z": "daily",
    });
    const autumn = ["2026-10-24T23:30Z", "2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-25T02:30Z"];
    expect(reasons(autumn, { keepHourly: 3 }, berlin)).to.deep.equal({
      "2026-10-25T02:30Z": "hourly",
      "2026-10-25T01:30Z": "hourly",
      "2026-10-25T00:30Z": "",
      "2026-10-24T23:30Z": "hourly",
    });
  });

  it("keeps what is younger than a span before the newest archive, however old that is", () => {
    expect(reasons(["2020-01-01", "2020-01-02", "2020-01-15"], { keepWithin: parseSpan("13d") })).to.deep.equal({
      "2020-01-15": "within 13d",
      "2020-01-02": "",
      "2020-01-01": "",
    });
    expect(reasons(["2020-01-02", "2020-01-15"], { keepWithin: parseSpan("13d1h") })["2020-01-02"]).to.equal(
      "within 13d1h",
    );
  });

  it("does not count the span from an archive of a clock that was ahead", () => {
    const moments = ["2029-12-30", "2040-01-01"];
    expect(reasons(moments, { keepWithin: parseSpan("7d") })["2029-12-30"]).to.equal("within 7d");
    expect(reasons(["2040-01-01", "2050-01-01"], { keepWithin: parseSpan("7d") })["2040-01-01"]).to.equal("within 7d");
  });

  it("keeps what has one of the labels", () => {
    const archives = [
      archive("2026-01-01", { label: "pre-upgrade" }),
      archive("2026-01-02", { label: "other" }),
      archive("2026-01-03"),
    ];
    const kept = decide(archives, { keepLabel: ["pre-upgrade", "x"] }).filter(({ keep }) => keep);
    expect(kept.map((decision) => [decision.archive.name, decision.keep && decision.reasons])).to.deep.equal([
      ["2026-01-03", ["newest complete"]],
      ["2026-01-01", ["label pre-upgrade"]],
    ]);
  });

  it("never removes the newest complete and verified archive, or what comes nearest to it", () => {
    const stays = (...archives: readonly Dated[]) =>
      decide(archives, { keepLabel: ["none"] }).flatMap((decision) =>
        decision.keep ? [`${decision.archive.name}: ${decision.reasons.join()}`] : [],
      );
    const [first, second, third] = ["2026-01-01", "2026-01-02", "2026-01-03"] as const;
    expect(stays(archive(first), archive(second), archive(third, { complete: false }))).to.deep.equal([
      `${second}: newest complete`,
    ]);
    expect(stays(archive(first), archive(second, { verified: false }))).to.deep.equal([`${first}: newest complete`]);
    expect(stays(archive(first, { verified: false }), archive(second, { complete: false }))).to.deep.equal([
      `${first}: newest complete`,
    ]);
    expect(stays(archive(first, { complete: false }), archive(second, { complete: false }))).to.deep.equal([
      `${second}: newest`,
    ]);
  });

  it("keeps all with -1", () => {
    const moments = ["2026-01-01T00:00Z", "2026-02-01T00:00Z", "2026-02-02T00:00Z"];
    expect(Object.values(reasons(moments, { keepMonthly: -1 }))).to.deep.equal(["monthly", "", "monthly"]);
    expect(Object.values(reasons(moments, { keepLast: -1 }))).to.deep.equal(["last", "last", "last"]);
  });

  for (const policy of [
    {},
    { keepLast: 0, keepDaily: 0 },
    { keepLabel: [] },
    { keepWithin: parseSpan("0h") },
  ] as const) {
    it(`is refused where it keeps nothing: ${JSON.stringify(policy)}`, () => {
      expect(() => assertKeeps(policy))
        .to.throw(HoldstillError)
        .with.property("code", "usage");
    });
  }
});

describe("any retention policy", () => {
  const RUNS = { numRuns: 150 };
  const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"].map(zone);

  const moment = fc
    .integer({ min: Date.parse("2027-10-01T00:00:00Z"), max: Date.parse("2029-04-15T00:00:00Z") })
    .map((ms) => ms - (ms % (HOUR / 4)));
  const archives = fc
    .uniqueArray(
      fc.record({
        ms: moment,
        label: fc.constantFrom(undefined, "a", "b"),
        complete: fc.boolean(),
        verified: fc.boolean(),
      }),
      {
        maxLength: 60,
        selector: ({ ms }) => ms,
      },
    )
    .map((made) =>
      made.map(({ ms, ...rest }): Dated => ({ name: new Date(ms).toISOString(), createdMs: ms, ...rest })),
    );
  const count = fc.option(fc.integer({ min: -1, max: 8 }), { nil: undefined });
  const policies: fc.Arbitrary<Policy> = fc.record({
    ...{
      keepLast: count,
      keepHourly: count,
      keepDaily: count,
      keepWeekly: count,
      keepMonthly: count,
      keepYearly: count,
    },
    keepWithin: fc.option(fc.constantFrom(...["3d", "36h", "2m", "1y1m1d1h"].map(parseSpan)), { nil: undefined }),
    keepLabel: fc.constantFrom(undefined, ["a"], ["a", "b"]),
  });
  const offsets = fc.constantFrom(...ZONES);
  const keptNames = (made: readonly Dated[], policy: Policy, offset: Offset): string[] =>
    decide(made, policy, offset).flatMap(({ keep, archive }) => (keep ? [archive.name] : []));

  const holds = (title: string, property: fc.IRawProperty<unknown>) =>
    it(title, () => fc.assert(property as fc.IProperty<unknown>, RUNS));

  holds(
    "decides over each archive once, and keeps one if there is any",
    fc.property(archives, policies, offsets, (made, policy, offset) => {
      const decisions = decide(made, policy, offset);
      expect(decisions.map(({ archive }) => archive.name).sort()).to.deep.equal(made.map(({ name }) => name).sort());
      expect(decisions.some(({ keep }) => keep)).to.equal(made.length > 0);
    }),
  );

  holds(
    "keeps of each kind as many as were asked for, or all that there are",
    fc.property(archives, policies, offsets, (made, policy, offset) => {
      const kept = keptNames(made, policy, offset);
      const local = (name: string): string =>
        new Date(Date.parse(name) + offset(Date.parse(name)) * 60_000).toISOString();
      const asked = (rule: "keepLast" | "keepHourly" | "keepDaily" | "keepMonthly" | "keepYearly"): number => {
        const value = policy[rule] ?? 0;
        return value < 0 ? Infinity : value;
      };
      for (const [rule, length] of [
        ["keepLast", 24],
        ["keepHourly", 13],
        ["keepDaily", 10],
        ["keepMonthly", 7],
        ["keepYearly", 4],
      ] as const) {
        const periods = (names: readonly string[]): Set<string> =>
          new Set(names.map((name) => local(name).slice(0, length)));
        const there = rule === "keepLast" ? made.length : periods(made.map(({ name }) => name)).size;
        const left = rule === "keepLast" ? kept.length : periods(kept).size;
        expect(left, rule).to.be.at.least(Math.min(asked(rule), there));
      }
    }),
  );

  holds(
    "removes nothing more for a rule that is added, or one that asks for more",
    fc.property(archives, policies, policies, offsets, (made, policy, added, offset) => {
      const more = (a: number | undefined, b: number | undefined): number =>
        (a ?? 0) < 0 || (b ?? 0) < 0 ? -1 : (a ?? 0) + (b ?? 0);
      const both: Policy = {
        keepLast: more(policy.keepLast, added.keepLast),
        keepHourly: more(policy.keepHourly, added.keepHourly),
        keepDaily: more(policy.keepDaily, added.keepDaily),
        keepWeekly: more(policy.keepWeekly, added.keepWeekly),
        keepMonthly: more(policy.keepMonthly, added.keepMonthly),
        keepYearly: more(policy.keepYearly, added.keepYearly),
        keepWithin: policy.keepWithin ?? added.keepWithin,
        keepLabel: [...(policy.keepLabel ?? []), ...(added.keepLabel ?? [])],
      };
      expect(keptNames(made, both, offset)).to.include.members(keptNames(made, policy, offset));
    }),
  );

  holds(
    "decides the same in whatever order the archives come",
    fc.property(
      archives.chain((made) => fc.tuple(fc.constant(made), fc.shuffledSubarray([...made], { minLength: made.length }))),
      policies,
      offsets,
      ([made, shuffled], policy, offset) => {
        expect(decide(shuffled, policy, offset)).to.deep.equal(decide(made, policy, offset));
      },
    ),
  );

  holds(
    "keeps all of what it kept",
    fc.property(archives, policies, offsets, (made, policy, offset) => {
      const kept = new Set(keptNames(made, policy, offset));
      const left = made.filter(({ name }) => kept.has(name));
      expect(keptNames(left, policy, offset).sort()).to.deep.equal([...kept].sort());
    }),
  );
});
