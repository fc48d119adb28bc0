import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { CreateReport } from "../../lib/report/create-report.js";
import { run } from "../../lib/cli/program.js";
import { useCases } from "../../lib/cli/use-cases.js";
import { collectingShell } from "./collecting-shell.js";
import { holdstill as ranApart, world, type World } from "./holdstill.js";

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));
const EVIL = "e\u001b[2Jl.txt";

/** In this process, which is quicker than in one of its own. */
async function holdstill({ home }: World, ...args: readonly string[]) {
  const { shell, out, err } = collectingShell();
  const here = { env: { PATH: process.env["PATH"] }, homedir: () => home, cwd: () => home, now: Date.now };
  const status = await run(args, { ...shell, ...here }, useCases);
  return { status, stdout: out(), stderr: err() };
}

async function backedUp(here: World, ...more: readonly string[]): Promise<CreateReport> {
  const args = ["create", "--source", here.source, "--output", here.output, "--json", ...more];
  return JSON.parse((await holdstill(here, ...args)).stdout) as CreateReport;
}

function look(here: World, ...args: readonly string[]) {
  return holdstill(here, ...args, "--output", here.output);
}

describe("looking into archives, end to end", () => {
  for (const command of ["show", "diff latest", "restore --target t", "verify"]) {
    it(`says with 10 that a directory is no archive: ${command}`, async () => {
      const here = world();
      await backedUp(here);
      const [name = "", ...args] = command.split(" ");
      const { status, stderr } = await look(here, name, ...args, here.source);
      expect(status).to.equal(10);
      expect(stderr).to.match(/^holdstill: this is a directory, not an archive: /);
    });
  }

  it("says what to do where an archive without a catalog has to be read, and there is no place for temporary files", async () => {
    const here = world();
    const { archive } = await backedUp(here);
    rmSync(join(here.output, ".holdstill"), { recursive: true });
    const TMPDIR = join(here.home, "gone");
    const { status, stderr } = ranApart(here, ["show", archive], { env: { TMPDIR } });
    expect(status).to.equal(73);
    expect(stderr).to.include(`the directory for temporary files cannot be used: ${TMPDIR}`);
  });

  it("lists them in a table and as one document", async () => {
    const here = world();
    const { archive } = await backedUp(here, "--label", "first");
    const text = await look(here, "list");
    expect([text.status, text.stderr]).to.deep.equal([0, ""]);
    const [head = "", row = "", ...rest] = text.stdout.split("\n");
    expect(head.split(/ +/)).to.deep.equal("name age label files bytes archive verified skipped incomplete".split(" "));
    expect(row).to.match(/^20\S+-directory-first\.tar\S* +\d+ s {2}first +3 +6 B +\S+ \S+ +yes +0 {2}no$/);
    expect(rest).to.deep.equal([""]);
    expect(JSON.parse((await look(here, "list", "--json")).stdout)).to.have.nested.include({
      ...{ outcome: "listed", "archives[0].archive": archive, "archives[0].label": "first", "archives[0].files": 3 },
    });
  });

  it("exits 4 where one is bad, and lists the others", async () => {
    const here = world();
    await backedUp(here);
    writeFileSync(join(here.output, "bad.tar"), "");
    const { status, stdout, stderr } = await look(here, "list");
    expect(status).to.equal(4);
    expect(stdout.trimEnd().split("\n")).to.have.lengthOf(3);
    expect(stderr).to.match(/the file is empty: .*bad\.tar\n$/);
    expect(JSON.parse((await look(here, "list", "--json")).stdout)).to.include({ outcome: "failed" });
  });

  it("lists nothing where there is nothing, and fails where the directory is not there", async () => {
    const here = world();
    expect(await holdstill(here, "list", "--json")).to.include({
      status: 0,
      stdout: '{"outcome":"listed","archives":[]}\n',
    });
    expect((await look(here, "list")).status).to.equal(10);
  });

  it("shows entries and never a raw control character, and one document with --json", async () => {
    const here = world({ [EVIL]: "x", "b.log": "" });
    await backedUp(here, "--exclude", "*.log");
    const { status, stdout } = await look(here, "show", "latest");
    expect(status).to.equal(0);
    expect(stdout).to.include("  e\\u001b[2Jl.txt\n").and.not.include("\u001b");
    expect(stdout).to.match(/Not in the archive: 1 excluded\. --skipped names them\.\n$/);
    expect((await look(here, "show", "latest", "--skipped")).stdout).to.equal("excluded by *.log  b.log\n");
    const document = JSON.parse((await look(here, "show", "latest", "--json")).stdout) as {
      entries: { path: string }[];
    };
    expect(document.entries.map(({ path }) => path)).to.deep.equal([".", "b.log", EVIL]);
    expect(document).to.have.nested.include({ "entries[2].live": join(here.source, EVIL) });
    expect((await look(here, "show", "latest", "nothing")).status).to.equal(10);
    expect((await look(here, "show", "2", "--proof")).stdout).to.match(
      / {2}sha256 {4}2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n/,
    );
  });

  it("writes a file to stdout as it is, and in base64 with --json", async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const here = world({ "x.bin": bytes });
    await backedUp(here);
    const args = [MAIN, "cat", "latest", "x.bin", "--output", here.output];
    expect(
      spawnSync(process.execPath, args, { env: { PATH: process.env["PATH"], HOME: here.home } }).stdout,
    ).to.deep.equal(bytes);
    const document = JSON.parse((await look(here, "cat", "latest", "x.bin", "--json")).stdout) as { content: string };
    expect(Buffer.from(document.content, "base64")).to.deep.equal(bytes);
    expect(document).to.include({ path: "x.bin", size: 256, encoding: "base64", outcome: "read" });
    expect((await look(here, "cat", "latest", "gone")).status).to.equal(10);
    expect((await look(here, "cat", "latest", ".")).status).to.equal(64);
  });

  it("exits 4 when the archive is damaged under a catalog that was kept", async () => {
    const here = world({ "x.bin": "x".repeat(100_000) });
    const { archive } = await backedUp(here, "--compress", "none");
    const before = readFileSync(archive);
    before.fill("y", 60_000, 60_001);
    const summary = join(here.output, ".holdstill/index", `${archive.slice(here.output.length + 1)}.json`);
    writeFileSync(archive, before);
    rmSync(summary);
    expect(await look(here, "cat", "latest", "x.bin")).to.include({ status: 4, stdout: "" });
    truncateSync(archive, 30_000);
    expect(await look(here, "show", "latest")).to.include({ status: 4, stdout: "" });
  });

  it("is quiet when nobody reads what it writes", async () => {
    const here = world({ "x.bin": "x".repeat(3 << 20) });
    await backedUp(here);
    for (const command of [
      ["cat", "latest", "x.bin"],
      ["show", "latest"],
      ["show", "latest", "--json"],
    ]) {
      const args = [...command, "--output", here.output].map((arg) => `'${arg}'`).join(" ");
      const line = `'${process.execPath}' '${MAIN}' ${args} | head -c 1 >/dev/null; echo \${PIPESTATUS[0]}`;
      const { stdout, stderr } = spawnSync("bash", ["-c", line], {
        ...{ encoding: "utf8", env: { PATH: process.env["PATH"], HOME: here.home } },
      });
      expect([stdout, stderr], command.join(" ")).to.deep.equal(["0\n", ""]);
    }
  });

  it("takes operands after two dashes, for names that begin with one, and no more than it knows", async () => {
    const here = world({ "-v": "dashed" });
    const { archive } = await backedUp(here);
    const after = (...args: readonly string[]) =>
      holdstill(here, ...args.slice(0, 1), "--output", here.output, ...args.slice(1));
    expect(await after("cat", "latest", "--", "-v")).to.deep.equal({ status: 0, stdout: "dashed", stderr: "" });
    expect((await after("show", "--", "latest", "-v")).stdout).to.match(/^-rw\S+ .* -v\n$/);
    expect((await after("diff", archive, "--", "latest")).stdout).to.match(/^No difference in \d+ paths\.\n$/);
    for (const command of ["show", "cat", "diff"]) {
      const { status, stdout } = await after(command, "latest", "--", "-v", "more");
      expect([status, stdout], command).to.deep.equal([64, ""]);
    }
  });

  it("says what was not named", async () => {
    const here = world();
    expect((await look(here, "show")).stderr).to.match(/^holdstill: no archive was named\n/);
    expect((await look(here, "cat", "latest")).stderr).to.match(/^holdstill: no path was named\n/);
    expect((await look(here, "diff")).stderr).to.match(/^holdstill: diff takes two archives/);
  });

  it("tells differences, and exits 0 whether there are any or not", async () => {
    const here = world();
    const { archive } = await backedUp(here);
    expect(await look(here, "diff", "latest", "--live")).to.deep.equal({
      ...{ status: 0, stdout: "No difference in 7 paths.\n", stderr: "" },
    });
    appendFileSync(join(here.source, "agents/main/sessions/one.jsonl"), "22\n");
    await backedUp(here);
    const text = "grown       agents/main/sessions/one.jsonl  (+3 B)\n1 grown; 6 equal.\n";
    expect(await look(here, "diff", archive, "latest")).to.deep.equal({ status: 0, stdout: text, stderr: "" });
    const document = JSON.parse((await look(here, "diff", archive, "latest", "--json")).stdout) as object;
    expect(document).to.have.nested.include({ outcome: "compared", equal: false, "differences[0].change": "grown" });
    const none = JSON.parse((await look(here, "diff", "latest", "latest", "--json")).stdout) as object;
    expect(none).to.deep.include({ differences: [], equal: true });
    for (const args of [
      ["diff", "latest"],
      ["diff", "latest", "latest", "--live"],
    ]) {
      expect((await look(here, ...args)).status, args.join(" ")).to.equal(64);
    }
  });
});
