import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { run } from "../../lib/cli/program.js";
import type { RestoreOptions } from "../../lib/restore.js";
import type { RestoreReport } from "../../lib/report/restore-report.js";
import { contents } from "../helpers/tree.js";
import { collectingShell, only } from "./collecting-shell.js";
import { holdstill, world } from "./holdstill.js";

const REPORT: RestoreReport = {
  ...{ outcome: "restored", archive: "/a", target: "/t", complete: true },
  counts: { files: 2, directories: 1, symlinks: 0, hardlinks: 0, bytes: 2048 },
  roots: [],
  skipped: [],
  failed: [],
  withheld: { setuid: 0, owners: 0 },
  outwardLinks: 0,
  unchecked: [],
  nextSteps: ["To put it into place:"],
  timings: { totalMs: 1200 },
};

async function told(report: RestoreReport, ...args: readonly string[]) {
  const { shell, out, err } = collectingShell();
  let asked: RestoreOptions | undefined;
  const useCases = only({
    restore: async (options) => {
      asked = options;
      return report;
    },
    namedArchive: async (name, directory) => (name === "latest" ? `${directory ?? "/default"}/newest` : name),
  });
  const code = await run(["restore", ...args], shell, useCases);
  return { code, out: out(), err: err(), asked };
}

describe("restore on the command line", () => {
  it("says what was restored, and exits 0", async () => {
    const { code, out, err, asked } = await told(REPORT, "latest", "--output", "/d", "--target", "/t");
    expect({ code, err }).to.deep.equal({ code: 0, err: "" });
    expect(out).to.equal(
      `Restored ${REPORT.archive} into /t\n` +
        "2.0 KiB in 2 files, 1 directory, all of it checked while it was written, in 1.2 s.\n" +
        "To put it into place:\n",
    );
    expect(asked).to.deep.equal({
      ...{ archive: "/d/newest", target: "/t", include: [], exclude: [] },
      ...{ strip: false, dryRun: false, keepDeliveries: false, keepSetuid: false },
    });
  });

  it("hands its options on", async () => {
    const args = ["--include", "a", "--include", "b", "--exclude", "c", "--strip", "--dry-run", "--keep-deliveries"];
    const { asked } = await told(REPORT, "x", "--target", "/t", "--keep-setuid", ...args);
    expect(asked).to.deep.include({ include: ["a", "b"], exclude: ["c"], strip: true, dryRun: true });
    expect(asked).to.include({ keepDeliveries: true, keepSetuid: true });
  });

  it("names what could not be restored and exits 3, with --quiet too, and shows no terminal escape raw", async () => {
    const incomplete = { ...REPORT, complete: false, failed: [{ path: "a\x1b[2J", reason: "EACCES" }] };
    const { code, out } = await told(incomplete, "x", "--target", "/t");
    expect(code).to.equal(3);
    expect(out).to.include("1 path could not be restored as in the archive:\n  a\\u001b[2J (EACCES)\n");
    const quiet = await told(incomplete, "x", "--target", "/t", "--quiet");
    expect(quiet).to.include({ code: 3, out: "" });
    expect(quiet.err).to.include("a\\u001b[2J (EACCES)");
    const json = await told(incomplete, "x", "--target", "/t", "--json");
    expect(JSON.parse(json.out)).to.deep.equal(incomplete);
  });

  it("asks on a terminal before it starts over, and not with --yes", async () => {
    const answers: unknown[] = [];
    const { shell } = collectingShell();
    const useCases = only({
      restore: async ({ confirm }) => {
        answers.push(await confirm?.("/t"));
        return REPORT;
      },
    });
    const ask = async (question: string) => question.includes("/t");
    await run(["restore", "x", "--target", "/t"], { ...shell, ask }, useCases);
    await run(["restore", "x", "--target", "/t", "--yes"], { ...shell, ask }, useCases);
    await run(["restore", "x", "--target", "/t"], shell, useCases);
    expect(answers).to.deep.equal([true, undefined, undefined]);
  });

  it("refuses what makes no sense, with 64", async () => {
    for (const args of [[], ["x"], ["--target", "/t"], ["x", "y", "--target", "/t"], ["x", "--target", "/t", "--al"]]) {
      const { code, out } = await told(REPORT, ...args);
      expect({ args, code, out }).to.deep.equal({ args, code: 64, out: "" });
    }
  });
});

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));

describe("holdstill restore, end to end", () => {
  it("restores, refuses to do it again into the same place, and tells what is missing", () => {
    const { home, source, output } = world();
    holdstill({ home }, ["create", "--source", source, "--output", output]);
    const target = join(home, "restored");
    const args = ["restore", "latest", "--output", output, "--target", target, "--json"];
    const first = holdstill({ home }, args);
    expect({ status: first.status, stderr: first.stderr }).to.deep.equal({ status: 0, stderr: "" });
    expect(contents(join(target, source))).to.deep.equal(contents(source));
    expect((JSON.parse(first.stdout) as RestoreReport).outcome).to.equal("restored");

    const second = holdstill({ home }, args);
    expect(second.status).to.equal(73);
    expect((JSON.parse(second.stdout) as { error: { code: string } }).error.code).to.equal("output-exists");
    const missing = holdstill({ home }, ["restore", join(home, "nothing"), "--target", join(home, "other")]);
    expect(missing.status).to.equal(10);
    expect(existsSync(join(home, "other"))).to.equal(false);
  });

  it("leaves a directory that says it is partial when it is killed, and starts over in it", async () => {
    const here = world({ "large.txt": "large ".repeat(2_000_000), "small.txt": "s" });
    holdstill(here, ["create", "--source", here.source, "--output", here.output]);
    const target = join(here.home, "restored");
    const args = ["restore", "latest", "--output", here.output, "--target", target];
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: "ignore" });
    const ended = once(child, "exit");
    while (!existsSync(join(target, ".holdstill-partial"))) await new Promise((resolve) => void setImmediate(resolve));
    child.kill("SIGKILL");
    await ended;
    expect(readdirSync(target)).to.include(".holdstill-partial");
    const again = holdstill(here, args);
    expect({ status: again.status, stderr: again.stderr }).to.deep.equal({ status: 0, stderr: "" });
    expect(contents(join(target, here.source))).to.deep.equal(contents(here.source));
    expect(readdirSync(target)).not.to.include(".holdstill-partial");
  });
});
