import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { askSecret } from "../../lib/cli/ask-secret.js";
import { skip } from "../helpers/mounts.js";
import { world, type World } from "./holdstill.js";

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));

/** Runs holdstill on a terminal, where somebody types so much at each question. */
async function typing(answers: readonly string[], { home }: World, ...args: readonly string[]) {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    ...{ cwd: home, stdio: ["pipe", "pipe", "inherit"], env: { PATH: process.env["PATH"], HOME: home } },
  });
  let shown = "";
  let answered = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    const asked = shown.match(/(?:Passphrase|Once more): /g)?.length ?? 0;
    while (answered < Math.min(asked, answers.length)) child.stdin.write(answers[answered++]);
  });
  const [status] = (await once(child, "close")) as [number | null];
  expect(answered, shown).to.equal(answers.length);
  return { status, shown };
}

describe("a passphrase that is typed", () => {
  before(function () {
    if (spawnSync("script", ["--version"]).status !== 0) skip(this, "script is not installed");
  });

  it("is asked for twice and not shown, and opens the archive; keys that erase do", async () => {
    const here = world();
    const create = ["create", "--source", "source", "--output", "archives", "--passphrase"];
    const made = await typing(["wrong\u0015pä#sx\u007f\r", "pä#s\r"], here, ...create);
    expect(made.status, made.shown).to.equal(0);
    expect(made.shown).to.match(/^Passphrase: \s+Once more: \s+[^]*encrypted/);
    expect(made.shown).to.not.include("pä#s");
    const looked = await typing(["pä#s\r"], here, "cat", "latest", "notes.txt", "--output", "archives", "--passphrase");
    expect(looked.shown.trimEnd()).to.match(/n$/);
    const verified = await typing(["pass\r"], here, "verify", "latest", "--output", "archives", "--passphrase");
    expect(verified.status).to.equal(12);
  });

  it("is asked for in vain where Ctrl-C came first, as a signal", async () => {
    const controller = new AbortController();
    const { stdin } = process;
    const put = (name: string, value: unknown): void =>
      void Object.defineProperty(stdin, name, { value, configurable: true, writable: true });
    put("isTTY", true);
    put("setRawMode", () => stdin);
    try {
      const asked = askSecret("", controller.signal).catch((error: unknown) => error);
      const reason = new Error("interrupted");
      controller.abort(reason);
      expect(await asked).to.equal(reason);
      expect(await askSecret("", controller.signal).catch((error: unknown) => error)).to.equal(reason);
    } finally {
      for (const name of ["isTTY", "setRawMode"]) Reflect.deleteProperty(stdin, name);
    }
  });

  it("may be typed ahead", async () => {
    const here = world();
    const create = ["create", "--source", "source", "--output", "archives", "--passphrase"];
    const { status, shown } = await typing(["one\rone\r", ""], here, ...create);
    expect(status, shown).to.equal(0);
  });

  for (const [title, answers, expected] of [
    ["that is another the second time", ["one\r", "two\r"], 64],
    ["that is empty", ["\r"], 64],
    ["that is not given", ["\u0004"], 64],
    ["that is broken off", ["on\u0003"], 130],
  ] as const) {
    it(`${title} is none`, async () => {
      const args = ["create", "--source", "source", "--output", "archives", "--passphrase"];
      const { status, shown } = await typing(answers, world(), ...args);
      expect(status, shown).to.equal(expected);
    });
  }
});
