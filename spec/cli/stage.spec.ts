import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { StageReport } from "../../lib/report/stage-report.js";
import { age } from "../helpers/tree.js";
import { holdstill, made, world, type World } from "./holdstill.js";

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));
const NOBODY = 65_534;

/** Runs a shell script on a staged tree. */
function stage(here: World, script: string, ...options: readonly string[]) {
  return holdstill(here, ["stage", "--source", here.source, ...options, "--", "sh", "-c", script]);
}

describe("holdstill stage", () => {
  it("runs the command in the tree, with its path and that of its index in the environment, and leaves nothing", () => {
    const here = world();
    const script =
      'pwd; echo "$PWD"; echo "$HOLDSTILL_STAGE"; head -c 18 "$HOLDSTILL_INDEX"; echo; find . -type f | sort';
    const { status, stdout, stderr } = stage(here, script);
    const [cwd = "", ...lines] = stdout.trimEnd().split("\n");
    expect(cwd).to.match(/\/\.holdstill-stage-[0-9a-f]{16}\/tree$/);
    expect(lines).to.deep.equal([
      ...[cwd, cwd, '{"type":"snapshot"'],
      ...["./agents/main/sessions/one.jsonl", "./agents/main/sessions/two.jsonl", "./notes.txt"],
    ]);
    expect(stderr).to.match(
      /^Staged 6 B in 3 files, 4 directories\.\nFrozen in .*\nThe command exited with 0 after .*\n$/,
    );
    expect({ status, left: made(here) }).to.deep.equal({ status: 0, left: [] });
  });

  it("hands its stdin to the command", () => {
    const here = world();
    const { status, stdout } = holdstill(here, ["stage", "--source", here.source, "--quiet", "--", "cat"], {
      input: "from afar",
    });
    expect({ status, stdout }).to.deep.equal({ status: 0, stdout: "from afar" });
  });

  it("prints one document with --json, and the command's output on stderr", () => {
    const here = world();
    const { status, stdout, stderr } = stage(here, "echo out; echo err >&2", "--json");
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "out\nerr\n" });
    const report = JSON.parse(stdout) as StageReport;
    expect(report).to.deep.include({ outcome: "ran", command: { exitCode: 0 }, complete: true, changed: [] });
    expect(report.counts).to.include({ files: 3, directories: 4, bytes: 6 });
  });

  it("passes the command's exit code on, and that of a signal as shells do", () => {
    const here = world();
    expect(stage(here, "exit 7")).to.include({ status: 7 });
    expect(stage(here, "kill -KILL $$")).to.include({ status: 128 + constants.signals.SIGKILL });
    expect(JSON.parse(stage(here, "kill -TERM $$", "--json").stdout)).to.deep.include({
      command: { signal: "SIGTERM" },
    });
    expect(made(here)).to.deep.equal([]);
  });

  it("exits 3 where the command succeeded and a link changed meanwhile, and names it", () => {
    const here = world();
    age(here.source, 3600);
    const live = join(here.source, "notes.txt");
    const options = ["--strategy", "link", "--quiet"];
    const { status, stderr } = stage(here, `echo more >> ${live}`, ...options);
    expect({ status, stderr }).to.deep.equal({
      status: 3,
      stderr: "1 file changed while the command may have read it:\n  notes.txt\n",
    });
    age(here.source, 3600);
    expect(stage(here, `echo more >> ${live}; exit 5`, ...options)).to.include({ status: 5 });
    expect(stage(here, `echo more >> ${live}`, "--strategy", "copy")).to.include({ status: 0 });
  });

  it("finds the command before anything is frozen: 64 where there is none", () => {
    const here = world();
    const missing = holdstill(here, ["stage", "--source", here.source, "--", "no-such-engine", "secret"]);
    expect(missing).to.deep.include({ status: 64, stdout: "" });
    expect(missing.stderr).to.equal(
      "holdstill: there is no program no-such-engine\nIs it installed, and is its directory in PATH?\n",
    );
    const none = holdstill(here, ["stage", "--source", here.source, "--"]);
    expect(none).to.deep.include({ status: 64, stdout: "" });
    expect(none.stderr).to.match(/^holdstill: no command is given\n.*holdstill stage \[options\] -- /);
  });

  it("takes a command by a path that is relative to where it was started", () => {
    const here = world();
    writeFileSync(join(here.home, "engine.sh"), "#!/bin/sh\nls\n", { mode: 0o755 });
    const { status, stdout } = holdstill(here, ["stage", "--source", "source", "--quiet", "--", "./engine.sh"]);
    expect({ status, stdout }).to.deep.equal({ status: 0, stdout: "agents\nnotes.txt\n" });
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`sends ${signal} on to the command, waits for it, and passes its exit code on`, async () => {
      const here = world();
      const name = signal.slice(3);
      const script = `trap 'echo heard ${name}; exit 9' ${name}; echo ready; while :; do sleep 0.05; done`;
      const args = [MAIN, "stage", "--source", here.source, "--quiet", "--", "sh", "-c", script];
      // In a session of its own: on a terminal, Ctrl-C goes to the command without us.
      const child = spawn(process.execPath, args, {
        ...{ detached: true, stdio: ["ignore", "pipe", "inherit"] },
        env: { PATH: process.env["PATH"], HOME: here.home },
      });
      let out = "";
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        out += text;
        if (text.includes("ready")) child.kill(signal);
      });
      const [status] = (await once(child, "close")) as [number];
      expect({ status, out }).to.deep.equal({ status: 9, out: `ready\nheard ${name}\n` });
      expect(made(here)).to.deep.equal([]);
    });
  }

  it("leaves to the next run what it could not remove because it was killed", () => {
    const here = world();
    const killed = stage(here, "kill -KILL $PPID");
    expect(killed).to.include({ status: null, signal: "SIGKILL" });
    expect(made(here).join("\n")).to.match(/^\.holdstill-stage-[0-9a-f]{16}\/tree\/notes\.txt$/m);
    expect(stage(here, "ls")).to.include({ status: 0, stdout: "agents\nnotes.txt\n" });
    expect(made(here)).to.deep.equal([]);
  });

  it("removes directories that may not be written to, as a user who is not root", function () {
    if (process.getuid?.() !== 0) this.skip();
    const here = world();
    // Node or the program may lie where others may not go, as below /root.
    if (holdstill({ home: "/" }, ["--version"], { uid: NOBODY }).status !== 0) this.skip();
    mkdirSync(join(here.source, "closed"));
    writeFileSync(join(here.source, "closed/in.txt"), "in");
    for (const path of ["closed/in.txt", "closed"]) chownSync(join(here.source, path), NOBODY, NOBODY);
    chmodSync(join(here.source, "closed"), 0o500);
    chownSync(here.home, NOBODY, NOBODY);
    chownSync(here.source, NOBODY, NOBODY);
    const args = [
      "stage",
      "--source",
      here.source,
      "--",
      "stat",
      "-c",
      "%a %U",
      "closed",
      "closed/in.txt",
      "notes.txt",
    ];
    const { status, stdout } = holdstill(here, args, { uid: NOBODY });
    // A copy of another user's file is our own.
    expect({ status, stdout }).to.deep.equal({ status: 0, stdout: "500 nobody\n644 nobody\n644 nobody\n" });
    expect(made(here)).to.deep.equal([]);
  });

  it("exits 11 while another run has the tree", async () => {
    const here = world();
    const args = [MAIN, "stage", "--source", here.source, "--quiet", "--", "sh", "-c", "echo ready; read line"];
    const first = spawn(process.execPath, args, {
      ...{ env: { PATH: process.env["PATH"], HOME: here.home }, stdio: ["pipe", "pipe", "inherit"] },
    });
    const ended = once(first, "close");
    await once(first.stdout, "data");
    const { status, stderr } = stage(here, "ls");
    first.stdin.end("go\n");
    expect({ status, ended: await ended }).to.deep.equal({ status: 11, ended: [0, null] });
    expect(stderr).to.match(
      /^holdstill: another run has these sources in its stage: \/.*\nWait for it with --wait\.\n$/,
    );
    expect(made(here)).to.deep.equal([]);
  });
});
