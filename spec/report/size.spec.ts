import { expect } from "chai";
import { countText, durationText, numberText, sizeText } from "../../lib/report/size.js";

describe("report sizes", () => {
  const sizes: readonly [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1024 * 9.96, "10 KiB"],
    [1024 * 1023.6, "1.0 MiB"],
    [1.2 * 1024 ** 3, "1.2 GiB"],
    [345 * 1024 ** 2, "345 MiB"],
    [5 * 1024 ** 4, "5.0 TiB"],
    [2000 * 1024 ** 5, "2000 PiB"],
  ];
  for (const [bytes, text] of sizes) {
    it(`writes ${bytes} bytes as ${text}`, () => expect(sizeText(bytes)).to.equal(text));
  }

  const durations: readonly [number, string][] = [
    [0, "0 ms"],
    [239.6, "240 ms"],
    [999.7, "1.0 s"],
    [4120, "4.1 s"],
    [9960, "10 s"],
    [59_600, "1 min 0 s"],
    [125_000, "2 min 5 s"],
    [3_599_700, "1 h 0 min"],
    [3_780_000, "1 h 3 min"],
    [360_000_000, "100 h 0 min"],
  ];
  for (const [ms, text] of durations) {
    it(`writes ${ms} milliseconds as ${text}`, () => expect(durationText(ms)).to.equal(text));
  }

  it("groups digits by three", () => {
    expect([0, 999, 1000, 1234567].map(numberText)).to.deep.equal(["0", "999", "1,000", "1,234,567"]);
  });

  it("counts in the singular only for one", () => {
    expect([0, 1, 2].map((n) => countText(n, "file"))).to.deep.equal(["0 files", "1 file", "2 files"]);
    expect(countText(2, "directory", "directories")).to.equal("2 directories");
  });
});
