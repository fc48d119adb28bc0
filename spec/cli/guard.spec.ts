import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { run } from "../../lib/cli/program.js";
import type { GuardReport } from "../../lib/guard.js";
import { contents } from "../helpers/tree.js";
import { collectingShell, only } from "./collecting-shell.js";
import { holdstill, world, type World } from "./holdstill.js";

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));

/** Its stdout and stderr, where a world has its state. */
function guard({ source, output, ...here }: World, options: readonly string[], line: string) {
  const args = ["guard", "--source", source, "--output", output, ...options, "--", "sh", "-c", line];
  return holdstill(here, args);
}

const CHANGE = "echo new > source/notes.txt; rm -r source/agents";

describe("holdstill guard, end to end", () => {
  it("lets the output of a command that succeeds through as it is, and exits 0", () => {
    const here = world();
    const printed = guard(here, [], `${CHANGE}; printf 'a\\033[1mb'; echo oops >&2`);
    expect(printed).to.deep.equal({ status: 0, signal: null, stdout: "a\x1b[1mb", stderr: "oops\n" });
    expect(contents(here.source)).to.deep.equal({ "notes.txt": "new\n" });
  });

  it("exits 20 when all is as it was, and says where what failed is", () => {
    const here = world();
    const before = contents(here.source);
    const { status, stdout, stderr } = guard(here, [], `${CHANGE}; echo out; exit 3`);
    expect({ status, stdout }).to.deep.equal({ status: 20, stdout: "out\n" });
    expect(stderr).to.match(/^holdstill: the command exited 3\nholdstill: rolled back: .*\/source is as it was\n/);
    expect(stderr).to.match(/^What was there is kept: .*\/source\.failed-/m);
    expect(contents(here.source)).to.deep.equal(before);

    const held = holdstill(here, ["guard", "status", "--output", here.output]);
    expect(held).to.include({ status: 0, stderr: "" });
    expect(held.stdout)
      .to.match(/: rolled back\n/)
      .and.to.match(/source\.failed-.* 4 B\n/);
    expect(holdstill(here, ["guard", "clean", "--output", here.output])).to.include({ status: 64, stdout: "" });
    expect(holdstill(here, ["guard", "clean", "--yes", "--output", here.output])).to.include({ status: 0, stderr: "" });
    const left = Object.keys(contents(here.home)).filter((path) => path.includes("failed"));
    expect(left).to.deep.equal([]);
  });

  it("exits 21 where it cannot go back, with what is to be done next", () => {
    const here = world();
    const { status, stderr } = guard(here, ["--start", "exit 5"], `${CHANGE}; exit 3`);
    expect(status).to.equal(21);
    expect(stderr).to.include(
      "holdstill: it could not be rolled back: the state is back, but the start command exited 5",
    );
    expect(stderr).to.include(`And then: holdstill guard resume --output ${here.output}`.slice(5));
    const again = holdstill(here, ["guard", "resume", "--quiet", "--output", here.output]);
    expect(again).to.include({ status: 21, stdout: "" });
    expect(again.stderr).to.include("holdstill: it could not be rolled back: ");
    expect(guard(here, [], "true")).to.include({ status: 11 });
    const stateOnly = holdstill(here, ["guard", "resume", "--state-only", "--output", here.output]);
    expect(stateOnly).to.include({ status: 20, stderr: "" });
    expect(guard(here, [], "true")).to.include({ status: 0 });
  });

  it("prints one JSON document, and the command's own output on stderr", () => {
    const here = world();
    const good = guard(here, ["--json"], "echo out");
    expect(good).to.include({ status: 0, stderr: "out\n" });
    expect(JSON.parse(good.stdout)).to.deep.include({ outcome: "succeeded", warnings: [] });

    const bad = guard(here, ["--json"], `${CHANGE}; exit 3`);
    expect(bad).to.include({ status: 20, stderr: "" });
    const report = JSON.parse(bad.stdout) as GuardReport;
    expect(report).to.deep.include({ outcome: "rolled-back", failure: "the command exited 3" });
    expect(report.command).to.deep.include({ argv: ["sh", "-c", `${CHANGE}; exit 3`], exitCode: 3 });

    const status = holdstill(here, ["guard", "status", "--json", "--output", here.output]);
    expect(JSON.parse(status.stdout)).to.have.nested.property("held[0].unfinished", false);
    const resumed = holdstill(here, ["guard", "resume", "--json", "--output", here.output]);
    expect(JSON.parse(resumed.stdout)).to.deep.equal({ outcome: "nothing-to-do", finished: [], rollbacks: [] });
  });

  it("exits as the error does where the command was not run, and runs nothing", () => {
    const here = world();
    const missing = holdstill(here, ["guard", "--source", "nowhere", "--", "touch", "ran"]);
    expect(missing).to.include({ status: 66, stdout: "" });
    expect(existsSync(join(here.home, "ran"))).to.equal(false);
  });

  it("encrypts the snapshot where that is asked for, and goes back with the identity, as rollback does", () => {
    const here = world();
    const before = contents(here.source);
    const key = join(here.home, "key.txt");
    const made = holdstill(here, ["key", "generate", "--output", key, "--json"]);
    const { recipient } = JSON.parse(made.stdout) as { readonly recipient: string };

    expect(guard(here, ["--encrypt-to", recipient], "touch ran")).to.include({ status: 12, stdout: "" });
    expect(existsSync(join(here.home, "ran"))).to.equal(false);
    expect(guard(here, ["--encrypt-to", recipient, "--identity", key], `${CHANGE}; exit 3`)).to.include({ status: 20 });
    expect(contents(here.source)).to.deep.equal(before);

    const latest = ["rollback", "latest", "--yes", "--output", here.output];
    expect(holdstill(here, latest)).to.include({ status: 12, stdout: "" });
    expect(holdstill(here, [...latest, "--identity", key])).to.include({ status: 0, stderr: "" });
  });

  it("gives Ctrl-C to the command, and decides by what that makes of it", async () => {
    const here = world();
    for (const [ending, exitCode] of [
      ["exit 0", 0],
      ["exit 3", 20],
    ] as const) {
      const line = `trap '${ending}' INT; touch on; while :; do sleep 0.01; done`;
      const args = ["guard", "--source", here.source, "--output", here.output, "--", "sh", "-c", line];
      const env = { PATH: process.env["PATH"], HOME: here.home };
      // In a session of its own it is in the foreground of no terminal.
      const child = spawn(process.execPath, [MAIN, ...args], { cwd: here.home, env, stdio: "ignore", detached: true });
      const exit = once(child, "exit");
      while (!existsSync(join(here.home, "on"))) await new Promise((resolve) => setTimeout(resolve, 5));
      child.kill("SIGINT");
      expect(await exit).to.deep.equal([exitCode, null]);
      rmSync(join(here.home, "on"));
      holdstill(here, ["guard", "clean", "--yes", "--output", here.output]);
    }
  });
});

describe("holdstill rollback, end to end", () => {
  it("tells what it would do, needs --yes without a terminal, and then puts the state back", () => {
    const here = world();
    const before = contents(here.source);
    guard(here, [], CHANGE);
    const latest = ["rollback", "latest", "--output", here.output];

    expect(holdstill(here, latest)).to.include({ status: 64, stdout: "" });
    const planned = holdstill(here, [...latest, "--dry-run"]);
    expect(planned).to.include({ status: 0, stderr: "" });
    expect(planned.stdout).to.match(/would be put back: 3 files, 6 B\n {2}.*source; what is there now is kept as /);
    expect(contents(here.source)).to.deep.equal({ "notes.txt": "new\n" });

    const done = holdstill(here, [...latest, "--yes"]);
    expect(done).to.include({ status: 0, stderr: "" });
    expect(done.stdout).to.match(/^holdstill: rolled back: /);
    expect(contents(here.source)).to.deep.equal(before);
    const failed = /^What was there is kept: (.*)$/m.exec(done.stdout)?.[1] ?? "";
    expect(readFileSync(join(failed, "notes.txt"), "utf8")).to.equal("new\n");
  });

  it("exits 10 and 4 for what is no good archive, and changes nothing", () => {
    const here = world();
    const before = contents(here.home);
    expect(holdstill(here, ["rollback", "nowhere", "--yes"])).to.include({ status: 10 });
    expect(holdstill(here, ["rollback", "source/notes.txt", "--yes"])).to.include({ status: 4 });
    expect(contents(here.home)).to.deep.equal(before);
  });
});

describe("the command line of guard and rollback", () => {
  const wrong: readonly (readonly string[])[] = [
    ["guard"],
    ["guard", "--"],
    ["guard", "--", ""],
    ["guard", "npm", "install"],
    ["guard", "status", "--", "true"],
    ["guard", "--probe", "", "--", "true"],
    ["guard", "--timeout", "5", "--", "true"],
    ["guard", "--no-verify", "--", "true"],
    ["guard", "--unknown", "--", "true"],
    ["rollback"],
    ["rollback", "a", "b"],
    ["rollback", "a"],
  ];
  for (const args of wrong) {
    it(`refuses "${args.join(" ")}" with 64, and nothing runs`, async () => {
      const { shell, out, err } = collectingShell();
      const code = await run(args, shell, only({}));
      expect({ code, out: out() }).to.deep.equal({ code: 64, out: "" });
      expect(err()).to.match(/^holdstill: ./m);
    });
  }

  for (const words of [["up"], ["npm", "install"], ["resume", "all"]]) {
    it(`says how a command is given where "guard ${words.join(" ")}" has no dashes`, async () => {
      const { shell, err } = collectingShell();
      expect(await run(["guard", ...words], shell, only({}))).to.equal(64);
      expect(err()).to.match(
        /^holdstill: guard takes resume, status or clean, not \w+\nA command follows two dashes: /,
      );
    });
  }

  it("finds what was guarded by the output that it was given, also where that names an archive", async () => {
    const { shell } = collectingShell();
    let asked: readonly string[] = [];
    const useCases = only({
      guardStatus: (directories) => {
        asked = directories;
        return Promise.resolve({ directories, held: [], bytes: 0 });
      },
    });
    expect(await run(["guard", "status", "--output", "/b/x.tar.zst"], shell, useCases)).to.equal(0);
    expect(asked).to.deep.equal(["/b"]);
  });

  const meaningless: readonly (readonly [option: string, command: readonly string[]])[] = [
    ["--state-only", ["guard", "--state-only", "--", "true"]],
    ["--state-only", ["guard", "status", "--state-only"]],
    ["--state-only", ["guard", "clean", "--yes", "--state-only"]],
    ["--stop", ["guard", "--no-rollback", "--stop", "true", "--", "true"]],
    ["--rollback-command", ["guard", "--no-rollback", "--rollback-command", "true", "--", "true"]],
    ["--grace", ["guard", "resume", "--grace", "60s"]],
    ["--no-rollback", ["guard", "resume", "--no-rollback"]],
    ["--rollback", ["guard", "clean", "--rollback"]],
    ["--encrypt-to", ["guard", "resume", "--encrypt-to", "age1x"]],
    ["--identity", ["guard", "clean", "--identity", "x"]],
  ];
  for (const [option, args] of meaningless) {
    it(`refuses "${args.join(" ")}" with 64, and names ${option}`, async () => {
      const { shell, out, err } = collectingShell();
      expect(await run(args, shell, only({}))).to.equal(64);
      expect(out()).to.equal("");
      expect(err()).to.match(
        new RegExp(`^holdstill: ${option} means nothing with (a guarded command|guard \\w+|--no-rollback),`),
      );
    });
  }

  it("asks on a terminal before anything is put back, and takes no for an answer", async () => {
    for (const [answer, confirmed] of [
      [true, true],
      [false, false],
    ] as const) {
      const { shell, err } = collectingShell();
      const asked: string[] = [];
      const plan = {
        outcome: "planned",
        archive: "a",
        createdAt: "then",
        places: [],
        files: 1,
        bytes: 2,
        carried: 0,
      } as const;
      const ask = (question: string): Promise<boolean> => {
        asked.push(question);
        return Promise.resolve(answer);
      };
      let heard: boolean | undefined;
      const useCases = only({
        rollback: async ({ confirm }) => {
          heard = await confirm(plan);
          return plan;
        },
      });
      expect(await run(["rollback", "a"], { ...shell, ask }, useCases)).to.equal(0);
      expect(asked).to.deep.equal(["Put it back?"]);
      expect(heard).to.equal(confirmed);
      expect(err()).to.include("a, of then, would be put back: 1 file, 2 B");
    }
  });

  it("asks on a terminal before failed trees are removed, and not where there are none", async () => {
    const tree = { path: "/s.failed-1", what: "failed", bytes: 5 } as const;
    const one = {
      id: "1",
      kind: "guard",
      phase: "returned",
      unfinished: false,
      resume: "holdstill guard resume",
      next: "nothing",
      command: [],
      archive: "",
    } as const;
    for (const trees of [[tree], []]) {
      const asked: string[] = [];
      const { shell } = collectingShell();
      const ask = (question: string): Promise<boolean> => {
        asked.push(question);
        return Promise.resolve(true);
      };
      let cleaned = false;
      const useCases = only({
        guardStatus: () => Promise.resolve({ directories: [], held: [{ ...one, trees }], bytes: 5 }),
        clean: () => {
          cleaned = true;
          return Promise.resolve({ outcome: "cleaned", removed: [], unfinished: [], bytes: 0 });
        },
      });
      expect(await run(["guard", "clean"], { ...shell, ask }, useCases)).to.equal(0);
      expect(asked).to.deep.equal(trees.length > 0 ? ["Remove this, 5 B?"] : []);
      expect(cleaned).to.equal(true);
    }
  });
});
