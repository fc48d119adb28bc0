import { expect } from "chai";
import fc from "fast-check";
import { parseConfiguration } from "../../lib/config/parse.js";

const parse = (text: string) => parseConfiguration(text, "/h.yaml", { homedir: "/home/u", directory: "/etc/x" });

function problemsOf(text: string): string[] {
  const { problems } = parse(text);
  return problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

function givenBy(text: string) {
  const { file, problems } = parse(text);
  expect(problems).to.deep.equal([]);
  return file?.given;
}

describe("a configuration file", () => {
  it("with ten mistakes has ten problems, each with its place", () => {
    const text = [
      "sauce: /srv",
      "strategy: xz",
      "level: 30",
      "verify: no",
      "level: 30",
      "exclude: [a, 1]",
      "wait: 5",
      "retention:",
      "  keep-daily: 3",
      "hooks: {failure: {timeout: 1m}}",
      "notifications: [{url: 'ftp://user:secret@host'}]",
    ].join("\n");
    expect(problemsOf(text)).to.deep.equal([
      "1:1 there is no key sauce: did you mean source?",
      '2:11 strategy is one of auto, clone, link, copy, not "xz"',
      "3:8 level is a whole number from 1 to 19, not 30",
      '4:9 verify is true or false, not "no"',
      "5:1 this key is there already",
      "6:14 exclude[1] is a text, not 1",
      "7:7 wait is a number with a unit (ms, s, m, h, d), such as 5m, not 5",
      "9:3 there is no key retention.keep-daily: did you mean retention.keepDaily?",
      "10:18 hooks.failure.command is missing: it is a command line, or a list of a program and its arguments",
      "11:23 notifications[0].url is an address that begins with https:// or http://",
    ]);
  });

  it("that is empty, or has only comments, says nothing", () => {
    for (const text of ["", "\n", "# nothing\n", "---\n", "{}"]) expect(givenBy(text)).to.deep.equal({});
  });

  it("takes one text for a list of one", () => {
    expect(givenBy("exclude: '*.log'\nsource: /a")).to.deep.equal({ exclude: ["*.log"], source: ["/a"] });
  });

  it("has relative paths where it lies, and knows the home", () => {
    expect(givenBy("source: [~/a, b, ../c, ~, /d]".replace("~,", '"~",'))).to.deep.equal({
      source: ["/home/u/a", "/etc/x/b", "/etc/c", "/home/u", "/d"],
    });
    expect(givenBy("output: ~/backups")).to.deep.equal({ output: "/home/u/backups" });
  });

  it("takes a number, or unlimited, for what is kept", () => {
    const text = "retention: {keepLast: 0, keepDaily: unlimited, keepYearly: -1}";
    expect(givenBy(text)).to.deep.equal({ keepLast: 0, keepDaily: -1, keepYearly: -1 });
    expect(problemsOf("retention: {keepLast: -2}")).to.deep.equal([
      "1:23 retention.keepLast is a whole number, or unlimited, not -2",
    ]);
  });

  it("takes an alias for what it stands for", () => {
    expect(givenBy("source: &s [/a]\nexclude: *s")).to.deep.equal({ source: ["/a"], exclude: ["/a"] });
    expect(problemsOf("source: &s [1]\nexclude: *s")).to.deep.equal([
      "1:13 source[0] is a text, not 1",
      "1:13 exclude[0] is a text, not 1",
    ]);
  });

  it("with a secret key in it is refused, and the key is not told, wherever it stands", () => {
    const secret = `AGE-SECRET-KEY-1${"Q".repeat(58)}`;
    const text = [
      `encryptTo: [age1abc, ${secret}]`,
      `identity: ${secret.toLowerCase()}`,
      `level: ${secret}`,
      `exclude: [{a: ${secret}}]`,
    ].join("\n");
    expect(problemsOf(text)).to.deep.equal([
      "1:22 encryptTo[1] is a recipient (age1…), or a file of them, or a list of these, not a secret key",
      "2:11 identity is a file, or a list of files, not a secret key",
      "3:8 level is a whole number from 1 to 19, not a secret key",
      "4:11 exclude[0] is a text, not a mapping",
    ]);
    expect(problemsOf(secret)).to.deep.equal(["1:1 the configuration is a mapping of keys, not a secret key"]);
  });

  const wrong: Readonly<Record<string, readonly [string, ...string[]]>> = {
    "is no mapping": ["- a", "1:1 the configuration is a mapping of keys, not a list"],
    "has a pattern without quotes": [
      "exclude:\n  - *.log\n  - !keep\n",
      "2:5 there is no anchor .log: put quotes around a text that begins with * or !",
      "3:5 unresolved tag: !keep: put quotes around a text that begins with * or !",
    ],
    "has two documents": [
      "level: 3\n---\nlevel: 4",
      "2:1 no valid YAML: source contains multiple documents; please use YAML.parseAllDocuments()",
    ],
    "breaks off, and is wrong before": [
      'sauce: 1\nlabel: "a\nlevel: 99\n',
      "1:1 there is no key sauce: did you mean source?",
      '4:1 no valid YAML: missing closing "quote',
    ],
    "has a key in the wrong section": [
      "keepLast: 3\nretention: {maxAge: 3h}",
      "1:1 there is no key keepLast: did you mean retention.keepLast?",
      "2:13 there is no key retention.maxAge: did you mean status.maxAge?",
    ],
    "has keys that objects have": [
      "__proto__: 1\nconstructor: 2",
      "1:1 there is no key __proto__",
      "2:1 there is no key constructor",
    ],
    "gives a hook as a list that is none of texts": [
      "hooks: {before: [x, 1]}",
      "1:21 hooks.before[1] is a text, not 1",
    ],
    "gives a hook that is neither a command nor a mapping": [
      "hooks: {before: 7}",
      "1:17 hooks.before is a command line, a list of a program and its arguments, or a mapping with command and timeout, not 7",
    ],
    "misspells a key of a hook": [
      "hooks: {before: {command: x, timout: 1s}}",
      "1:30 there is no key hooks.before.timout: did you mean timeout?",
    ],
    "misspells a hook": ["hooks: {sucess: {command: x}}", "1:9 there is no key hooks.sucess: did you mean success?"],
    "misspells something in a list": [
      "notifications:\n  - {url: https://x, tiemout: 3s}",
      "2:22 there is no key notifications[0].tiemout: did you mean timeout?",
    ],
    "has an address in two ways": [
      "notifications: {url: https://x, urlFile: y}",
      "1:16 notifications has one of url, urlFile, urlCredential",
    ],
    "says nothing of notifications": [
      "notifications:",
      "1:15 notifications is a notification or a list of them, not nothing",
    ],
    "has a notification that says nothing": [
      "notifications: [null]",
      "1:17 notifications[0] is a mapping of keys, not nothing",
    ],
    "has aliases that stand for too much": [
      [
        "a: &a [x, x, x, x, x, x, x, x, x, x]",
        ..."bcdefgh".split("").map((name, index) => {
          const inner = `*${"abcdefg"[index] ?? ""}`;
          return `${name}: &${name} [${Array.from({ length: 10 }, () => inner).join(", ")}]`;
        }),
      ].join("\n"),
      "2:8 the aliases stand for too much: write out what they stand for",
    ],
  };
  for (const [how, [text, ...problems]] of Object.entries(wrong)) {
    it(`that ${how} is refused, with the place`, () => {
      expect(problemsOf(text)).to.deep.equal(problems);
    });
  }

  for (const [how, opening] of Object.entries({ lists: "[", mappings: "{a: ", "lists in lines": "- " })) {
    it(`that is nested without end is refused once: ${how}`, () => {
      expect(problemsOf(opening.repeat(1000)).map(withoutPlace)).to.deep.equal(["this is nested too deeply"]);
    });
  }

  it("with mappings for keys is refused, however long it would take to tell what they are", () => {
    expect(problemsOf("? ".repeat(100)).map(withoutPlace)).to.deep.equal(["a key is a text"]);
    expect(problemsOf("level: 3\n? [a]\n: 1\n")).to.deep.equal(["2:3 a key is a text"]);
    expect(problemsOf("3: 1")).to.deep.equal(["1:1 there is no key 3"]);
  });

  it("is refused or read, whatever it is made of, and in no other way", () => {
    const token = fc.constantFrom(...TOKENS);
    const text = fc
      .array(fc.oneof(token, fc.string({ maxLength: 3 })), { maxLength: 60 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, (made) => {
        const { file, problems } = parse(made);
        expect(file === undefined).to.equal(problems.length > 0);
      }),
      { numRuns: 2000 },
    );
  });
});

const TOKENS = [
  ...["[", "]", "{", "}", ": ", ", ", "- ", "? ", "\n", "\n  ", "\t", "|\n", ">\n ", "---\n", "%YAML 1.2\n"],
  ...["&a ", "*a ", "!x ", "!!str ", "'", '"', "#", "<<: ", "level: 3\n", "source: ", "hooks: ", "notifications: "],
];

function withoutPlace(problem: string): string {
  return problem.replace(/^\d+:\d+ /, "");
}
