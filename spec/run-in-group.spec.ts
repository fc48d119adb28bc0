import { expect } from "chai";
import { lastLine, runInGroup, type GroupOptions } from "../lib/run-in-group.js";
import { createScratch } from "../lib/scratch.js";
import { startTimeOf } from "../lib/vault/owner.js";

describe("a command in a group of its own", () => {
  async function result(command: string | readonly string[], changes: Partial<GroupOptions> = {}) {
    const lines: string[] = [];
    const options = {
      ...{ cwd: "/", env: { PATH: process.env["PATH"] }, input: "", limitMs: 60_000, scratch: createScratch() },
      signal: new AbortController().signal,
      output: (line: string) => void lines.push(line),
      ...changes,
    };
    const ran = await runInGroup(command, options);
    return { ...ran, last: lastLine(ran), lines };
  }

  it("is a line of shell, with what it is told on stdin and in its environment", async () => {
    const env = { PATH: process.env["PATH"], X: "x" };
    const { ok, lines } = await result('read line; echo "$line $X" && echo err >&2', { input: '{"a":1}\n', env });
    expect(ok).to.equal(true);
    expect(lines).to.have.members(['{"a":1} x', "err"]);
  });

  it("is a program with arguments that no shell reads", async () => {
    expect(await result(["printf", "%s", "$HOME; a b"])).to.deep.include({ ok: true, lines: ["$HOME; a b"] });
  });

  it("need not read what it is told", async () => {
    expect((await result("exit 0", { input: "x".repeat(1 << 20) })).ok).to.equal(true);
  });

  it("is told of with its exit code and its last line", async () => {
    expect(await result("echo first; echo last; exit 7")).to.deep.include({ ok: false, how: "exited 7", last: "last" });
    expect((await result(["/no/such"])).how).to.equal("could not be started (ENOENT)");
  });

  it("does not have to wait for what it leaves behind", async () => {
    const { ok, lines } = await result("sleep 60 & echo $!");
    process.kill(Number(lines[0]));
    expect(ok).to.equal(true);
  });

  it("is killed at its limit with all that it has started", async () => {
    const { ok, how, lines } = await result("sleep 60 & echo $!; wait", { limitMs: 200 });
    expect({ ok, how }).to.deep.equal({ ok: false, how: "took longer than its limit" });
    while (startTimeOf(Number(lines[0])) !== undefined) await new Promise(setImmediate);
  });

  it("is killed where the run is interrupted, and where the process ends", async () => {
    const controller = new AbortController();
    const interrupting = result("echo up; sleep 60", { signal: controller.signal, output: () => controller.abort() });
    expect((await interrupting).how).to.equal("was ended by SIGKILL");
    const scratch = createScratch();
    const ending = result("echo up; sleep 60", { scratch, output: () => scratch.removeAll() });
    expect((await ending).how).to.equal("was ended by SIGKILL");
  });
});
