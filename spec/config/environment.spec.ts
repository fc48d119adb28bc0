import { expect } from "chai";
import { fromEnvironment } from "../../lib/config/environment.js";

describe("environment variables", () => {
  const read = (env: Record<string, string>) => fromEnvironment(env, "/home/u");

  it("say what options say", () => {
    const { given, problems } = read({
      ...{ HOLDSTILL_OUTPUT: "~/b", HOLDSTILL_WAIT: "5m", HOLDSTILL_LEVEL: "3", HOLDSTILL_VERIFY: "0" },
      ...{ HOLDSTILL_ONLY_CONFIG: "true", HOLDSTILL_KEEP_DAILY: "7", HOLDSTILL_LABEL: "", PATH: "/bin" },
    });
    expect({ given, problems }).to.deep.equal({
      given: { output: "/home/u/b", wait: 300_000, level: 3, verify: false, onlyConfig: true, keepDaily: 7 },
      problems: [],
    });
  });

  it("have lists apart by colons, or by lines where there are several", () => {
    expect(read({ HOLDSTILL_EXCLUDE: "*.log:tmp/" }).given).to.deep.equal({ exclude: ["*.log", "tmp/"] });
    expect(read({ HOLDSTILL_EXCLUDE: "a:b\nc\n" }).given).to.deep.equal({ exclude: ["a:b", "c"] });
    expect(read({ HOLDSTILL_SOURCE: "/a:b\n" }).given).to.deep.equal({ source: ["/a:b"] });
  });

  it("are told of all together where they are wrong", () => {
    const { problems } = read({ HOLDSTILL_OUPUT: "/x", HOLDSTILL_LEVEL: "99", HOLDSTILL_STRICT: "yes" });
    expect(problems.map(({ message }) => message)).to.deep.equal([
      "there is no variable HOLDSTILL_OUPUT: did you mean HOLDSTILL_OUTPUT?",
      'HOLDSTILL_LEVEL is a whole number from 1 to 19, not "99"',
      'HOLDSTILL_STRICT is true or false, not "yes"',
    ]);
  });

  it("with a secret key in them are refused, and the key is not told", () => {
    const { problems } = read({ HOLDSTILL_ENCRYPT_TO: "age1abc:AGE-SECRET-KEY-1ABC" });
    expect(problems.map(({ message }) => message)).to.deep.equal([
      "HOLDSTILL_ENCRYPT_TO is a recipient (age1…), or a file of them, or a list of these, not a secret key",
    ]);
  });

  it("of others are left alone, and so are those that holdstill sets", () => {
    const env = { HOLDSTILL_STAGE: "/s", HOLDSTILL_INDEX: "/i", HOLDSTILL_OUTCOME: "x", HOLDSTILL_SPEC_X: "1" };
    expect(read({ ...env, HOLDSTILL_DEBUG: "1", HOLDSTILL_CONFIG: "/c" })).to.deep.equal({ given: {}, problems: [] });
  });
});
