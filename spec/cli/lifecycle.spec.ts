import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const CHILD = fileURLToPath(new URL("lifecycle-child.js", import.meta.url));

describe("lifecycle", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "holdstill-lifecycle-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  function start(way: string, ...args: readonly string[]) {
    const file = join(dir, "scratch");
    const child = spawn(process.execPath, [CHILD, way, file, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    const heard = async (text: string): Promise<void> => {
      while (!out.includes(text)) await once(child.stdout, "data");
    };
    const ended = once(child, "close").then(([code]) => ({ code: code as unknown, out, err, left: existsSync(file) }));
    return { child, heard, ended } as const;
  }

  it("exits with what the run returned, and cleans up", async () => {
    expect(await start("finish").ended).to.deep.equal({ code: 3, out: "", err: "", left: false });
  });

  it("exits 70 when a promise never settles, says so, and cleans up", async () => {
    expect(await start("never settle").ended).to.deep.equal({
      code: 70,
      out: "",
      err: "holdstill: the run ended unfinished\n",
      left: false,
    });
    const { code, out, err } = await start("never settle", "--json").ended;
    expect({ code, err }).to.deep.equal({ code: 70, err: "" });
    expect(JSON.parse(out)).to.deep.equal({
      outcome: "failed",
      error: { code: "internal", message: "the run ended unfinished" },
    });
  });

  for (const [way, message] of [
    ["throw late", "late\\u001b[31m"],
    ["reject unseen", "unseen"],
    ["reject", "rejected"],
    ["throw after the end", "after the end"],
  ] as const) {
    it(`exits 70 for "${way}", tells the message without a stack, and cleans up`, async () => {
      const { code, out, err, left } = await start(way).ended;
      expect({ code, out, left }).to.deep.equal({ code: 70, out: "", left: false });
      expect(err.split("\n")[0]).to.equal(`holdstill: ${message}`);
      expect(err).not.to.include("    at ");
    });
  }

  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 143],
  ] as const) {
    it(`lets the run unwind on ${signal}, and exits ${code}`, async () => {
      const { child, heard, ended } = start("unwind");
      await heard("ready");
      child.kill(signal);
      expect(await ended).to.deep.equal({ code, out: "ready\n", err: "", left: false });
    });

    it(`exits ${code} at once on a second ${signal}, and cleans up`, async () => {
      const { child, heard, ended } = start("hear nothing");
      await heard("ready");
      child.kill(signal);
      await heard("heard");
      child.kill(signal);
      const { code: exited, left } = await ended;
      expect({ exited, left }).to.deep.equal({ exited: code, left: false });
    });
  }

  it("goes on when the reader of its output goes away", async () => {
    const { child, ended } = start("print a lot");
    await once(child.stdout, "data");
    child.stdout.destroy();
    const { code, err } = await ended;
    expect({ code, err }).to.deep.equal({ code: 0, err: "" });
  });

  it("exits 70 and says why when its output cannot be written", async function () {
    if (!existsSync("/dev/full")) this.skip();
    const child = spawn(process.execPath, [CHILD, "print a lot", join(dir, "scratch")], {
      stdio: ["ignore", openSync("/dev/full", "w"), "pipe"],
    });
    let err = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
    const [code] = (await once(child, "close")) as [number];
    expect(code).to.equal(70);
    expect(err).to.match(/^holdstill: ENOSPC.*\n$/);
  });
});
