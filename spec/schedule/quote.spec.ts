import { execFileSync } from "node:child_process";
import { expect } from "chai";
import fc from "fast-check";
import { HoldstillError } from "../../lib/errors.js";
import { cronWord, execWord, settingWord } from "../../lib/schedule/quote.js";

/** As systemd.service(5) has it: variables first doubled away, then specifiers, then quotes and escapes. */
function read(word: string): string {
  const bare = word.startsWith('"') ? word.slice(1, -1).replaceAll(/\\(["\\])/g, "$1") : word;
  return bare.replaceAll("%%", "%");
}

const TEXT = fc.string({ unit: "grapheme" }).filter((text) => !/\p{Cc}/u.test(text));

describe("quoting", () => {
  it("leaves plain words alone, and quotes what is not", () => {
    expect(
      ["/usr/bin/node", "--level=3", "a b", "50%", "$HOME", 'say "x"', "back\\slash", "", ";", "ünï"].map(execWord),
    ).to.deep.equal([
      "/usr/bin/node",
      "--level=3",
      '"a b"',
      "50%%",
      "$$HOME",
      '"say \\"x\\""',
      '"back\\\\slash"',
      '""',
      '";"',
      '"ünï"',
    ]);
  });

  it("keeps every text: what is read again is what was given", () => {
    fc.assert(
      fc.property(TEXT, (text) => {
        expect(read(settingWord(text))).to.equal(text);
        expect(read(execWord(text)).replaceAll("$$", "$")).to.equal(text);
      }),
    );
  });

  it("keeps every text through cron and its shell", () => {
    const texts = ["a b", "100% sure", "it's", "$HOME `id` \\", "ünï", '"', "~", "*"];
    const line = texts.map(cronWord).join(" ").replaceAll("\\%", "%");
    const out = execFileSync("sh", ["-c", `printf '%s\\n' ${line}`], { encoding: "utf8" });
    expect(out.trimEnd().split("\n")).to.deep.equal(texts);
  });

  for (const text of ["line\nbreak", "nul\0", "escape\x1b[2J"]) {
    it(`refuses what cannot stand in a line: ${JSON.stringify(text)}`, () => {
      for (const quote of [execWord, settingWord, cronWord]) {
        expect(() => quote(text))
          .to.throw(HoldstillError)
          .with.property("code", "usage");
      }
    });
  }
});
