import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));

function holdstill(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("holdstill", () => {
  it("prints its version", () => {
    const { status, stdout, stderr } = holdstill("--version");
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    expect(stdout).to.match(/^\d+\.\d+\.\d+\S*\n$/);
    expect(holdstill("create", "--version").stdout).to.equal(stdout);
  });

  it("shows the help of itself on stdout, with its commands", () => {
    const { status, stdout, stderr } = holdstill("--help");
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    const commands = ["create", "verify", "list", "show", "cat", "diff", "restore", "prune", "stage", "schedule"];
    for (const command of [...commands, "doctor", "codes", "config", "completion"]) {
      expect(stdout).to.match(new RegExp(`^  holdstill ${command} `, "m"));
    }
    expect(holdstill("-h").stdout).to.equal(stdout);
  });

  for (const command of ["create", "verify", "codes"]) {
    it(`shows the help of ${command}, with examples, and does nothing`, () => {
      const { status, stdout, stderr } = holdstill(command, "--help");
      expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
      expect(stdout).to.match(/Examples:\n {2}holdstill /);
    });
  }

  it("exits 64 for an unknown option", () => {
    const { status, stdout, stderr } = holdstill("create", "--leve", "4");
    expect({ status, stdout }).to.deep.equal({ status: 64, stdout: "" });
    expect(stderr).to.match(/^holdstill: unknown argument: leve\n/);
  });
});
