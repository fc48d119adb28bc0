import { expect } from "chai";
import fc from "fast-check";
import { stringify } from "yaml";
import { effective } from "../../lib/config/effective.js";
import { fromEnvironment } from "../../lib/config/environment.js";
import { parseConfiguration } from "../../lib/config/parse.js";
import { printConfiguration } from "../../lib/config/print.js";
import {
  KEYS,
  placeOf,
  settingOf,
  variableOf,
  type Given,
  type Key,
  type Settings,
} from "../../lib/config/settings.js";
import { durationText } from "../../lib/config/values.js";
import { valuesOf } from "./settings.js";

const HERE = { homedir: "/home/u", directory: "/etc/holdstill" };

function byOptions(options: Given): Settings {
  return effective({ options, environment: {}, file: undefined }).settings;
}

function read(text: string) {
  const { file, problems } = parseConfiguration(text, "/etc/holdstill/holdstill.yaml", HERE);
  expect(problems).to.deep.equal([]);
  return effective({ options: {}, environment: {}, file });
}

function written(key: Key, value: unknown): unknown {
  return settingOf(key).kind === "duration" ? durationText(Number(value)) : value;
}

describe("every setting means the same", () => {
  for (const key of KEYS) {
    it(`${key} as an option, in the file and in the environment`, () => {
      fc.assert(
        fc.property(valuesOf(key), (value) => {
          const expected = byOptions({ [key]: value });
          expect(expected[key]).to.deep.equal(value);
          const file = placeOf(key).reduceRight<unknown>((inside, step) => ({ [step]: inside }), written(key, value));
          expect(read(stringify(file)).settings).to.deep.equal(expected);
          const text = [written(key, value)].flat().map(String);
          const variable = Array.isArray(value) ? text.map((line) => `${line}\n`).join("") : (text[0] ?? "");
          const { given, problems } = fromEnvironment({ [variableOf(key)]: variable }, "/home/u");
          expect(problems).to.deep.equal([]);
          expect(effective({ options: {}, environment: given, file: undefined }).settings).to.deep.equal(expected);
        }),
        { numRuns: 60 },
      );
    });
  }

  it("in what `config show` prints, read again", () => {
    const arbitrary = fc.record(Object.fromEntries(KEYS.map((key) => [key, valuesOf(key)])), { requiredKeys: [] });
    fc.assert(
      fc.property(arbitrary, (given) => {
        const first = effective({ options: given, environment: {}, file: undefined });
        const again = read(printConfiguration(first));
        expect(again.settings).to.deep.equal(first.settings);
        const text = printConfiguration(again);
        expect(printConfiguration(read(text))).to.equal(text);
      }),
      { numRuns: 60 },
    );
  });

  it("in a file with hooks and notifications, printed and read again", () => {
    const { file } = read(
      stringify({
        hooks: { before: { command: ["a", "b c"], timeout: "90s" }, failure: "x | y", success: ["a"] },
        notifications: [
          { urlFile: "/run/url", style: "plain" },
          { urlCredential: "ping", timeout: "3s" },
        ],
      }),
    );
    expect(file).to.deep.include({
      hooks: {
        before: { command: ["a", "b c"], timeout: 90_000 },
        failure: { command: "x | y", timeout: 60_000 },
        success: { command: ["a"], timeout: 60_000 },
      },
      notifications: [
        { urlFile: "/run/url", style: "plain", timeout: 10_000 },
        { urlCredential: "ping", style: "healthchecks", timeout: 3000 },
      ],
    });
    const again = read(printConfiguration(effective({ options: {}, environment: {}, file }))).file;
    expect(again).to.deep.include({ hooks: file?.hooks, notifications: file?.notifications });
  });
});
