import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { disk } from "../../lib/filesystem.js";
import { holders } from "../../lib/guard/holders.js";
import { afterwards } from "../helpers/afterwards.js";
import { tmpDirectory, tmpTree } from "../helpers/tree.js";

/** A process that has done what is asked for when this resolves, and then waits. */
async function started(
  script: string,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["-e", `${script}; console.log("ready"); setInterval(() => {}, 1000)`], {
    ...{ stdio: ["ignore", "pipe", "inherit"], cwd: options.cwd ?? "/", env: options.env ?? process.env },
  });
  afterwards(() => void child.kill("SIGKILL"));
  if (child.stdout) await once(child.stdout, "data");
  return child;
}

function holding(state: string): { readonly pid: number; readonly path: string }[] {
  return holders(disk, [bytesOf(state)], process.pid).map(({ pid, path }) => ({ pid, path }));
}

describe("who holds a state open", () => {
  let state: string;

  beforeEach(() => {
    state = tmpTree({ a: { "x.log": "x" } }, "state");
  });

  it("is nobody where nobody does", () => {
    expect(holding(state)).to.deep.equal([]);
  });

  it("is a process that has a file of it open, by its number, its name and the file", async () => {
    const file = join(state, "a/x.log");
    const { pid } = await started(`require("fs").openSync(${JSON.stringify(file)}, "a")`);
    expect(holding(state)).to.deep.equal([{ pid, path: file }]);
    expect(holders(disk, [bytesOf(state)], process.pid)[0]?.name).to.match(/^\S*node\S* -e /);
  });

  it("is still so when the file was removed, or the whole state", async () => {
    const file = join(state, "a/x.log");
    const { pid } = await started(`require("fs").openSync(${JSON.stringify(file)}, "a")`);
    rmSync(state, { recursive: true });
    mkdirSync(state);
    expect(holding(state)).to.deep.equal([{ pid, path: file }]);
  });

  it("is a process that works in it", async () => {
    const { pid } = await started("0", { cwd: join(state, "a") });
    expect(holding(state)).to.deep.equal([{ pid, path: join(state, "a") }]);
  });

  it("is a process that has a file of it mapped: a program that lies in it and runs", async () => {
    const program = join(state, "a/sleep");
    copyFileSync("/bin/sleep", program);
    const child = spawn(program, ["60"], { stdio: "ignore", cwd: "/" });
    afterwards(() => void child.kill("SIGKILL"));
    await once(child, "spawn");
    expect(holding(state)).to.deep.equal([{ pid: child.pid, path: program }]);
  });

  it("is nobody who has something beside it open that begins alike", async () => {
    writeFileSync(`${state}-other`, "x");
    await started(`require("fs").openSync(${JSON.stringify(`${state}-other`)}, "a")`);
    expect(holding(state)).to.deep.equal([]);
  });

  it("is told although a process has something open that lies too deep to have a path", async () => {
    const root = tmpDirectory();
    afterwards(() => execFileSync("rm", ["-rf", root]));
    const script = `
      const { mkdirSync, openSync } = require("fs");
      let at = ${JSON.stringify(root)};
      for (let depth = 0; depth < 20; depth++) {
        mkdirSync(at = at + "/" + "d".repeat(250));
        at = "/proc/self/fd/" + openSync(at);
      }
    `;
    await started(script);
    const file = join(state, "a/x.log");
    const { pid } = await started(`require("fs").openSync(${JSON.stringify(file)}, "a")`);
    expect(holding(state)).to.deep.equal([{ pid, path: file }]);
  });

  it("is not whoever asks, nor who waits for it and only works there", async () => {
    const { pid = 0 } = await started("0", { cwd: state });
    expect(holders(disk, [bytesOf(state)], pid)).to.deep.equal([]);
  });

  it("is found in another mount namespace, under another path", async function () {
    if (process.getuid?.() !== 0) this.skip();
    const elsewhere = tmpTree({}, "elsewhere");
    const script = `mount --bind "$1" "$2" && exec 3<"$2/a/x.log" && echo ready && exec sleep 60`;
    const child = spawn("unshare", ["--mount", "sh", "-c", script, "sh", state, elsewhere], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    afterwards(() => void child.kill("SIGKILL"));
    const [said] = (await Promise.race([once(child.stdout, "data"), once(child, "exit")])) as [unknown];
    if (!Buffer.isBuffer(said)) this.skip();
    expect(holding(state)).to.deep.equal([{ pid: child.pid, path: join(elsewhere, "a/x.log") }]);
  });
});
