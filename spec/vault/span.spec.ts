import { expect } from "chai";
import { HoldstillError } from "../../lib/errors.js";
import { before, parseSpan, spanText } from "../../lib/vault/span.js";
import { utc, zone } from "./zone.js";

const berlin = zone("Europe/Berlin");

function back(from: string, span: string, offset = utc): string {
  return new Date(before(Date.parse(from), parseSpan(span), offset)).toISOString();
}

describe("a span of the calendar", () => {
  for (const text of ["14d", "48h", "2y5m7d3h", "1y", "6m", "10000d"]) {
    it(`is written ${text}`, () => expect(spanText(parseSpan(text))).to.equal(text));
  }

  for (const text of ["", "14", "d", "14 d", "-1d", "3h2d", "2w", "1.5d", "1d1d", "999999y"]) {
    it(`is not written "${text}"`, () => {
      expect(() => parseSpan(text))
        .to.throw(HoldstillError)
        .with.property("code", "usage");
    });
  }

  it("counts months and years by the calendar, leap days too", () => {
    expect(back("2028-03-31T12:00:00Z", "1m")).to.equal("2028-03-02T12:00:00.000Z");
    expect(back("2028-02-29T12:00:00Z", "1y")).to.equal("2027-03-01T12:00:00.000Z");
    expect(back("2028-03-01T00:00:00Z", "1d")).to.equal("2028-02-29T00:00:00.000Z");
    expect(back("2027-03-01T00:00:00Z", "1d")).to.equal("2027-02-28T00:00:00.000Z");
  });

  it("counts days by the clock on the wall, and hours as they pass, when clocks are changed", () => {
    expect(back("2026-03-29T10:00:00Z", "1d", berlin)).to.equal("2026-03-28T11:00:00.000Z");
    expect(back("2026-03-29T10:00:00Z", "24h", berlin)).to.equal("2026-03-28T10:00:00.000Z");
    expect(back("2026-10-25T11:00:00Z", "1d", berlin)).to.equal("2026-10-24T10:00:00.000Z");
  });
});
