import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { probe, type Probed } from "../../lib/guard/probe.js";
import { createScratch } from "../../lib/scratch.js";
import { tmpDirectory } from "../helpers/tree.js";

function probing(
  line: string,
  replaced: Partial<Parameters<typeof probe>[1]> = {},
): { directory: string; result: Promise<Probed> } {
  const directory = tmpDirectory();
  const options = {
    ...{ cwd: directory, env: { PATH: process.env["PATH"] }, signal: new AbortController().signal },
    ...{ scratch: createScratch(), probeMs: 60_000, probeEveryMs: 1, now: Date.now },
  };
  return { directory, result: probe(line, { ...options, ...replaced }) };
}

describe("a probe", () => {
  it("succeeds at once where the command line does", async () => {
    expect(await probing("true").result).to.include({ ok: true, attempts: 1 });
  });

  it("is tried until it succeeds", async () => {
    const line = 'echo x >> tries; [ "$(wc -l < tries)" -eq 3 ]';
    expect(await probing(line).result).to.include({ ok: true, attempts: 3 });
  });

  it("fails when the time is up, and tells how the last try ended and what it said", async () => {
    const { result } = probing("echo out; echo err >&2; exit 5", { probeEveryMs: 60_000 });
    expect(await result).to.deep.equal({ ok: false, attempts: 1, how: "exited 5", said: "out\nerr" });
  });

  it("ends a try that hangs, with what it has started", async () => {
    const { directory, result } = probing("(sleep 60; touch late) & wait", { probeMs: 100, probeEveryMs: 10 });
    expect(await result).to.include({ ok: false, attempts: 1, how: "took longer than its limit" });
    expect(existsSync(join(directory, "late"))).to.equal(false);
  });

  it("is over when it is interrupted", async () => {
    const controller = new AbortController();
    const { result } = probing("sleep 60", { signal: controller.signal });
    controller.abort();
    expect(await result).to.include({ ok: false, how: "was interrupted" });
  });
});
