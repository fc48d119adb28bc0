import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { disk } from "../../lib/filesystem.js";
import { marked, newMark, processesOf } from "../../lib/guard/mark.js";
import { guarded, guardLine } from "./guarded.js";

describe("the mark of a guarded command", () => {
  const children: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
  });

  /** A process that has started another one, by their numbers. */
  async function started(env: Readonly<Record<string, string | undefined>>): Promise<number[]> {
    const child = spawn("sh", ["-c", "sleep 60 & echo $!; wait"], { env, stdio: ["ignore", "pipe", "ignore"] });
    children.push(child);
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    return [child.pid ?? 0, Number(said.toString())];
  }

  it("is in all its processes, whoever started them", async () => {
    const mark = newMark("spec");
    const pids = await started(marked(process.env, mark));
    expect(processesOf(disk, mark)).to.have.members(pids);
    expect(processesOf(disk, mark.slice(0, -1))).to.deep.equal([]);
    process.kill(pids[1] ?? 0, "SIGKILL");
  });

  it("is in those too of a command that it guards in turn", async () => {
    const [outer, inner] = [newMark("spec"), newMark("spec")];
    const pids = await started(marked(marked(process.env, outer), inner));
    expect(processesOf(disk, outer)).to.have.members(pids);
    expect(processesOf(disk, inner)).to.have.members(pids);
    process.kill(pids[1] ?? 0, "SIGKILL");
  });

  it("is another one in another archive directory, also in the same millisecond", async () => {
    const now = Date.now();
    const marks: string[] = [];
    const ids: string[] = [];
    for (const world of [guarded(undefined, { now: () => now }), guarded(undefined, { now: () => now })]) {
      const { id } = await guardLine(world, 'echo "$HOLDSTILL_GUARD" > mark');
      ids.push(id);
      marks.push(readFileSync(join(world.root, "mark"), "utf8"));
    }
    expect(ids[0]).to.equal(ids[1]);
    expect(marks[0]).to.not.equal(marks[1]);
    for (const mark of marks)
      expect(mark)
        .to.match(/^\S+\n$/)
        .and.include(ids[0]);
  });
});
