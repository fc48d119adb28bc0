import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const IDLE = fileURLToPath(new URL("../lib/idle.js", import.meta.url));
const FILESYSTEM = fileURLToPath(new URL("../lib/filesystem.js", import.meta.url));

/** In a process of its own: there is no way back. Prints what was lacking, and the nice values of its threads. */
const SCRIPT = `
  import { readFile } from "node:fs/promises";
  import { readFileSync, readdirSync } from "node:fs";
  const { goIdle } = await import(process.argv[1]);
  const { disk } = await import(process.argv[2]);
  await Promise.all([1, 2, 3, 4].map(() => readFile("/proc/self/status")));
  const lacking = await goIdle(disk, { PATH: process.argv[3] });
  const nice = readdirSync("/proc/self/task").map((id) =>
    readFileSync("/proc/self/task/" + id + "/stat", "latin1").split(") ")[1].split(" ")[16]);
  console.log(JSON.stringify({ lacking, nice: [...new Set(nice)], threads: nice.length }));
`;

function idle(path: string): { readonly lacking?: string; readonly nice: string[]; readonly threads: number } {
  const args = ["--input-type=module", "--eval", SCRIPT, IDLE, FILESYSTEM, path];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect(stderr).to.equal("");
  return JSON.parse(stdout) as ReturnType<typeof idle>;
}

describe("idle priority", () => {
  it("is that of every thread", () => {
    const { nice, threads } = idle("/nowhere");
    expect(nice).to.deep.equal(["19"]);
    expect(threads).to.be.above(4);
  });

  it("says so where the disks cannot be told", () => {
    expect(idle("/nowhere").lacking).to.equal("the disks are used at normal priority: there is no ionice here");
  });
});
