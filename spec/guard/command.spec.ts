import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { runCommand, type Ended, type Signal } from "../../lib/guard/command.js";
import { fsWith } from "../helpers/port.js";
import { tmpDirectory } from "../helpers/tree.js";

interface Running {
  readonly directory: string;
  readonly signal: (signal: Signal) => void;
  readonly ended: Promise<Ended>;
}

let runs = 0;

/** The real disk, but for what /proc tells of our process group and that in the foreground of the terminal. */
function atTerminal(foreground: number): Filesystem {
  const stat = Buffer.from(`1 (sh (x)) S 1 7 7 0 ${foreground} 0`);
  let fd: number | undefined;
  return fsWith({
    openRead(path) {
      const opened = disk.openRead(path);
      if (path.endsWith("/stat")) fd = opened;
      return opened;
    },
    read: (from, buffer, offset, length, position) =>
      from === fd
        ? stat.copy(buffer, offset, position, position + length)
        : disk.read(from, buffer, offset, length, position),
  });
}

function running(script: string, timeoutMs?: number, fs = atTerminal(-1)): Running {
  const directory = tmpDirectory();
  let taker: (signal: Signal) => void = () => {};
  const ended = runCommand(fs, ["sh", "-c", script], `spec-${process.pid}-${runs++}`, {
    ...{ cwd: directory, env: { PATH: process.env["PATH"] }, stdout: "stderr", timeoutMs },
    takeSignals(take) {
      taker = take;
      return () => {
        taker = () => {};
      };
    },
  });
  return { directory, signal: (signal) => taker(signal), ended };
}

/** Waits until a command has got so far. */
async function until(file: string): Promise<void> {
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("a guarded command", () => {
  it("ends with the code it exits with", async () => {
    expect(await running("exit 7").ended).to.include({ exitCode: 7, signal: undefined, timedOut: false });
  });

  it("ends with the signal that ended it", async () => {
    expect(await running("kill -KILL $$").ended).to.include({ exitCode: undefined, signal: "SIGKILL" });
  });

  it("exits as a shell would have it where it cannot be started", async () => {
    const how = { cwd: "/", env: {}, stdout: "stderr", timeoutMs: undefined, takeSignals: () => () => {} } as const;
    expect(await runCommand(disk, ["/nowhere/program"], "spec", how)).to.include({ exitCode: 127 });
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    it(`gets ${signal}, and what it makes of that is what counts`, async () => {
      const short = signal.slice(3);
      const {
        directory,
        signal: send,
        ended,
      } = running(`trap 'touch got; exit 0' ${short}; touch on; while :; do sleep 0.01; done`);
      await until(join(directory, "on"));
      send(signal);
      expect(await ended).to.include({ exitCode: 0 });
      expect(existsSync(join(directory, "got"))).to.equal(true);
    });
  }

  it("is not sent what a terminal has sent it already", async () => {
    const { directory, signal, ended } = running(
      "trap 'touch got' INT; touch on; sleep 0.05; exit 4",
      undefined,
      atTerminal(7),
    );
    await until(join(directory, "on"));
    signal("SIGINT");
    expect(await ended).to.include({ exitCode: 4 });
    expect(existsSync(join(directory, "got"))).to.equal(false);
  });

  it("is over when it has ended, whatever it leaves behind", async () => {
    const { directory, ended } = running("sleep 60 & echo $! > left");
    expect(await ended).to.include({ exitCode: 0 });
    const pid = Number(readFileSync(join(directory, "left"), "utf8"));
    expect(process.kill(pid, "SIGKILL")).to.equal(true);
  });

  it("is ended when it takes too long, with all that it has started", async () => {
    const { directory, ended } = running("setsid sleep 60 & echo $! > left; wait", 50);
    expect(await ended).to.include({ timedOut: true });
    const pid = readFileSync(join(directory, "left"), "utf8").trim();
    // A zombie until its parent has looked.
    const state = spawnSync("ps", ["-o", "state=", "-p", pid], { encoding: "utf8" }).stdout.trim();
    expect(state === "" || state === "Z").to.equal(true);
  });
});
