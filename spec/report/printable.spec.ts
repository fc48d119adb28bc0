import { expect } from "chai";
import { printable } from "../../lib/report/printable.js";

describe("printable", () => {
  it("leaves nothing of any control character for a terminal to obey", () => {
    const controls = [...Array(0x20).keys(), ...Array.from({ length: 0x21 }, (_, i) => 0x7f + i)];
    for (const code of controls) {
      const text = printable(`a${String.fromCharCode(code)}b`);
      expect(text).to.equal(`a\\u${code.toString(16).padStart(4, "0")}b`);
    }
  });

  it("escapes what reverses text and what ends lines", () => {
    expect(printable("a\u202egnp.exe\u2028\u2066")).to.equal("a\\u202egnp.exe\\u2028\\u2066");
  });

  it("leaves every other name as it is", () => {
    const name = "Übung 日本語 👩‍👩‍👧 \\x1b 'q' \u00a0";
    expect(printable(name)).to.equal(name);
  });

  it("keeps a line of JSON the same document", () => {
    const document = { path: "a\x1b[31m\x7f\u009b\n\u202e\\" };
    const line = printable(JSON.stringify(document));
    expect(line).to.match(/^[\x20-\x7e]+$/);
    expect(JSON.parse(line)).to.deep.equal(document);
  });
});
