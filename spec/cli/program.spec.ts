import { expect } from "chai";
import { EXIT_CODES, MEANINGS } from "../../lib/cli/exit-code.js";
import { run } from "../../lib/cli/program.js";
import { collectingShell, only } from "./collecting-shell.js";

/** Runs with use cases that fail when they are called. */
async function holdstill(...args: readonly string[]) {
  const { shell, out, err } = collectingShell();
  const code = await run(args, shell, only({}));
  return { code, out: out(), err: err() };
}

describe("the command line", () => {
  const wrong: readonly (readonly string[])[] = [
    ["frobnicate"],
    ["create", "--unknown"],
    ["create", "operand"],
    ["create", "--", "operand"],
    ["create", "--level", "three"],
    ["create", "--level", "-1"],
    ["create", "--level", "3", "--level", "4"],
    ["create", "--level"],
    ["create", "--source", ""],
    ["create", "--source="],
    ["create", "--no-source"],
    ["create", "--source.x", "1"],
    ["create", "--exclude", "--dry-run"],
    ["create", "--verify=yes"],
    ["create", "--verify="],
    ["create", "--strategy", "hope"],
    ["create", "--compress", "xz"],
    ["create", "--profile", "other"],
    ["create", "--wait", "5"],
    ["create", "--wait", "5 m"],
    ["create", "--wait", "-5m"],
    ["codes", "operand"],
    ["codes", "--", "operand"],
    ["--unknown"],
  ];
  for (const args of wrong) {
    it(`refuses "${args.join(" ")}" with 64, and nothing runs`, async () => {
      const { code, out, err } = await holdstill(...args);
      expect({ code, out }).to.deep.equal({ code: 64, out: "" });
      expect(err).to.match(/^holdstill: ./m);
    });

    it(`says so in JSON for "${args.join(" ")} --json"`, async () => {
      const [command = "", ...rest] = args;
      const { code, out, err } = await holdstill(command, "--json", ...rest);
      expect({ code, err }).to.deep.equal({ code: 64, err: "" });
      const document = JSON.parse(out) as { outcome: string; error: { code: string } };
      expect([document.outcome, document.error.code]).to.deep.equal(["failed", "usage"]);
    });
  }

  it("says how a value is written that begins with dashes", async () => {
    expect((await holdstill("create", "--exclude", "--x")).err).to.include("--exclude=--x");
  });

  it("says how a directory is named where one follows the command", async () => {
    const { err } = await holdstill("create", "./state");
    expect(err).to.equal(
      "holdstill: create takes no operands: ./state\nA directory to back up is given with --source DIR.\n",
    );
  });

  for (const [line, told] of [
    ["doctor now", "doctor does not take now"],
    ["list x.tar", "list does not take x.tar"],
    ["diff a b c", "diff does not take c"],
    ["config validate a b", "config does not take b"],
    ["schedule soon", "schedule does not take soon"],
  ] as const) {
    it(`does not call what is too much an unknown command in "${line}"`, async () => {
      const [name = "", ...rest] = line.split(" ");
      const { code, err } = await holdstill(name, ...rest);
      expect({ code, err }).to.deep.equal({
        ...{ code: 64, err: `holdstill: ${told}\nWhat it takes: holdstill ${name} --help\n` },
      });
    });
  }

  it("shows the commands on stderr where none is given, and exits 64", async () => {
    const { code, out, err } = await holdstill();
    expect({ code, out }).to.deep.equal({ code: 64, out: "" });
    expect(err).to.match(/holdstill create .*\n[^]*holdstill: no command given\n/);
  });

  it("prints what every exit code means that there is", async () => {
    const { code, out } = await holdstill("codes", "--json");
    expect(code).to.equal(0);
    const table = JSON.parse(out) as typeof MEANINGS;
    expect(table).to.deep.equal(MEANINGS);
    const told = table.map((row) => row.code);
    expect(told).to.include.members(Object.values(EXIT_CODES));
    expect((await holdstill("codes")).out).to.include("\n 66  a source is missing\n");
  });
});
