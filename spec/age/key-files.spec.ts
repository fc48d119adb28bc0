import { expect } from "chai";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isExposed, readIdentities, readPassphrase, readRecipients } from "../../lib/age/key-files.js";
import { HoldstillError } from "../../lib/errors.js";
import { disk } from "../../lib/filesystem.js";
import { tmpDirectory } from "../helpers/tree.js";

const ONE = `age1${"q".repeat(58)}`;
const TWO = `age1${"p".repeat(58)}`;
const SECRET = `AGE-SECRET-KEY-1${"Q".repeat(58)}`;

function place(files: Readonly<Record<string, string>> = {}) {
  const cwd = tmpDirectory();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  return { fs: disk, cwd };
}

function refusal(work: () => unknown): HoldstillError {
  try {
    work();
  } catch (error) {
    if (error instanceof HoldstillError) return error;
    throw error;
  }
  return expect.fail("it was taken");
}

describe("readRecipients", () => {
  it("takes recipients, files of them with comments, and links to such files; each once", () => {
    const around = place({ "keys.txt": `# anna\n${ONE}\n\n  ${TWO}  \r\n# end` });
    symlinkSync("keys.txt", join(around.cwd, "link"));
    expect(readRecipients([TWO, "keys.txt", join(around.cwd, "link")], around)).to.deep.equal([TWO, ONE]);
  });

  for (const [title, given, files, said] of [
    ["a secret key", SECRET, {}, /^this is a secret key/],
    ["a secret key in small letters", SECRET.toLowerCase(), {}, /^this is a secret key/],
    ["a secret key in a file", "f", { f: `${ONE}\n${SECRET}\n` }, /^this is a secret key .*\(line 2\)$/],
    ["an identity file with its comments", "f", { f: `# public key: ${ONE}\n${SECRET}` }, /^this is a secret key/],
    ["a plugin's recipient", "age1yubikey1qwerty", {}, /plugins are not supported/],
    ["a plugin's recipient in a file", "f", { f: "age1yubikey1qwerty" }, /plugins .*\(line 1\)$/],
    ["an SSH key", "ssh-ed25519 AAAAC3Nza", {}, /^SSH keys are not supported/],
    ["a recipient that is too short", ONE.slice(0, -1), {}, /^a recipient is misspelt$/],
    ["an empty file", "f", { f: "" }, /^there is no recipient in this file$/],
    ["a file of comments", "f", { f: `# ${ONE}\n` }, /^there is no recipient in this file$/],
    ["a file of something else", "f", { f: "hello\n" }, /^this is no recipient \(line 1\)$/],
    ["a file that is encrypted", "f", { f: "age-encryption.org/v1\n" }, /itself encrypted/],
    ["a file that is not there", "missing", {}, /^there is no such file$/],
  ] as const) {
    it(`refuses ${title}, and does not repeat it`, () => {
      const { code, message, path, hint } = refusal(() => readRecipients([given], place(files)));
      expect(code).to.equal("usage");
      expect(message).to.match(said);
      expect([message, path, hint].join(" ")).not.to.match(/qqqq|yubikey1qwerty|AAAA|hello/i);
    });
  }

  it("refuses a directory", () => {
    const around = place();
    mkdirSync(join(around.cwd, "d"));
    expect(refusal(() => readRecipients(["d"], around)).message).to.equal("the file cannot be read");
  });
});

describe("isExposed", () => {
  it("is a key file that others than its owner can read", () => {
    const around = place({ key: SECRET });
    for (const [mode, exposed] of [
      [0o600, false],
      [0o640, true],
      [0o604, true],
    ] as const) {
      chmodSync(join(around.cwd, "key"), mode);
      expect(isExposed("key", around)).to.equal(exposed);
    }
  });
});

describe("readIdentities", () => {
  it("takes what age-keygen writes", () => {
    const around = place({ key: `# created: today\n# public key: ${ONE}\n${SECRET}\n` });
    expect(readIdentities(["key"], around)).to.deep.equal([SECRET]);
  });

  for (const [title, text, said] of [
    ["a recipient", ONE, "no identity on line 1"],
    ["an SSH key", "# mine\n-----BEGIN OPENSSH PRIVATE KEY-----\n", "no identity on line 2"],
    ["a plugin's identity", "AGE-PLUGIN-YUBIKEY-1Q", "no identity on line 1"],
    ["nothing", "", "there is no identity in this file"],
  ] as const) {
    it(`refuses a file of ${title}`, () => {
      const { code, message } = refusal(() => readIdentities(["key"], place({ key: text })));
      expect([code, message]).to.deep.equal(["wrong-key", said]);
    });
  }

  it("refuses a file that is not there", () => {
    const { code, message } = refusal(() => readIdentities(["key"], place()));
    expect([code, message]).to.deep.equal(["wrong-key", "there is no such file"]);
  });
});

describe("readPassphrase", () => {
  it("is the first line", () => {
    const around = place({ one: "correct horse \n", two: "a\r\nb\n", three: "ü" });
    expect(["one", "two", "three"].map((name) => readPassphrase(name, around))).to.deep.equal([
      "correct horse ",
      "a",
      "ü",
    ]);
  });

  it("is asked for where its file is not there", () => {
    const { code, message, hint } = refusal(() => readPassphrase("missing", place()));
    expect([code, message]).to.deep.equal(["usage", "there is no such file"]);
    expect(hint).to.include("passphrase").and.not.to.include("recipient");
  });

  it("is not empty", () => {
    expect(refusal(() => readPassphrase("one", place({ one: "\nsecret\n" })))).to.include({ code: "usage" });
  });
});
