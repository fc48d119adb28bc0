import { expect } from "chai";
import { run } from "../../lib/cli/program.js";
import type { CreateOptions } from "../../lib/create.js";
import { HoldstillError } from "../../lib/errors.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import { reportWith, skipped } from "../report/sample.js";
import { collectingShell, only } from "./collecting-shell.js";

async function optionsOf(...args: readonly string[]): Promise<CreateOptions> {
  const asked: CreateOptions[] = [];
  const create = async (options: CreateOptions) => {
    asked.push(options);
    return reportWith();
  };
  const { shell, err } = collectingShell();
  await run(["create", ...args], shell, only({ create }));
  const [options] = asked;
  if (options === undefined) throw new Error(`create was not called: ${err()}`);
  return options;
}

async function create(report: CreateReport, ...args: readonly string[]) {
  const { shell, out, err } = collectingShell();
  const code = await run(["create", ...args], shell, only({ create: async () => report }));
  return { code, out: out(), err: err() };
}

describe("create on the command line", () => {
  it("asks for the defaults where nothing is given", async () => {
    expect(await optionsOf()).to.deep.equal({
      sources: undefined,
      profile: undefined,
      output: undefined,
      waitMs: 0,
      strategy: "auto",
      compress: "auto",
      level: undefined,
      label: undefined,
      exclude: [],
      verify: true,
      onlyConfig: false,
      includeWorkspace: true,
      defaultExcludes: true,
      excludeCaches: false,
      retention: undefined,
      seal: undefined,
      deliver: undefined,
    });
  });

  it("passes every option on", async () => {
    const given =
      "--source a --source=b --profile directory --output o --wait 1.5h --strategy copy --compress gzip --level 9 " +
      "--label l --no-verify --only-config --no-include-workspace --no-default-excludes --exclude-caches";
    expect(await optionsOf(...given.split(" "))).to.deep.equal({
      sources: ["a", "b"],
      profile: "directory",
      output: "o",
      waitMs: 5_400_000,
      strategy: "copy",
      compress: "gzip",
      level: 9,
      label: "l",
      exclude: [],
      verify: false,
      onlyConfig: true,
      includeWorkspace: false,
      defaultExcludes: false,
      excludeCaches: true,
      retention: undefined,
      seal: undefined,
      deliver: undefined,
    });
  });

  it("takes patterns that begin with an exclamation mark or dashes", async () => {
    const { exclude } = await optionsOf("--exclude", "!a", "--exclude", "-b", "--exclude=--c", "--exclude", "*.d e");
    expect(exclude).to.deep.equal(["!a", "-b", "--c", "*.d e"]);
  });

  it("keeps values that look like numbers as they were written", async () => {
    const { sources, label } = await optionsOf("--source", "007", "--label", "1e3");
    expect({ sources, label }).to.deep.equal({ sources: ["007"], label: "1e3" });
  });

  it("prints the report for people and exits 0", async () => {
    const { code, out, err } = await create(reportWith());
    expect(code).to.equal(0);
    expect(out).to.match(/^Wrote .*\n[^]*compared\.\n$/);
    expect(err).to.equal("");
  });

  it("prints the report and nothing else with --json, also beside --quiet", async () => {
    const report = reportWith({ skipped: skipped("vanished", "a\u009b\x1b") });
    for (const args of [["--json"], ["--json", "--quiet"]]) {
      const { code, out, err } = await create(report, ...args);
      expect({ code, err }).to.deep.equal({ code: 0, err: "" });
      expect(out).to.match(/^[\x20-\x7e]+\n$/);
      expect(JSON.parse(out)).to.deep.equal(report);
    }
  });

  it("exits 3 for an incomplete archive", async () => {
    expect((await create(reportWith({ complete: false }))).code).to.equal(3);
  });

  it("exits 0 where files vanished, and 3 with --strict", async () => {
    const report = reportWith({ skipped: skipped("vanished", "a") });
    expect((await create(report)).code).to.equal(0);
    expect((await create(report, "--strict")).code).to.equal(3);
    expect((await create(reportWith({ skipped: skipped("special", "a") }), "--strict")).code).to.equal(0);
  });

  it("is silent with --quiet but for problems, on stderr", async () => {
    expect(await create(reportWith({ skipped: skipped("vanished", "a") }), "--quiet")).to.deep.equal({
      code: 0,
      out: "",
      err: "",
    });
    const { code, out, err } = await create(
      reportWith({ complete: false, skipped: skipped("unreadable", "a"), warnings: ["w"] }),
      "--quiet",
    );
    expect({ code, out }).to.deep.equal({ code: 3, out: "" });
    expect(err).to.equal("holdstill: warning: w\nCould not read 1 path:\n  a\n");
    expect((await create(reportWith({ skipped: skipped("vanished", "a") }), "--quiet", "--strict")).err).to.equal(
      "Skipped 1 file removed by concurrent cleanup.\n",
    );
  });

  it("tells a warning at once, and once", async () => {
    const { shell, err } = collectingShell();
    const useCases = only({
      create: async (_options, { onEvent }) => {
        onEvent({ type: "warning", message: "no zstd" });
        expect(err()).to.equal("holdstill: warning: no zstd\n");
        return reportWith({ warnings: ["no zstd", "other"] });
      },
    });
    expect(await run(["create"], shell, useCases)).to.equal(0);
    expect(err()).to.equal("holdstill: warning: no zstd\nholdstill: warning: other\n");
  });

  it("plans with --dry-run and creates nothing", async () => {
    const counts = { files: 1, directories: 1, bytes: 1 };
    const plan = { outcome: "planned", archive: "/x.tar", compression: "none", sources: [], counts } as const;
    const excluded = { count: 0, rules: [] };
    const useCases = only({ plan: async () => ({ ...plan, excluded, problems: ["A is not set"] }) });
    const { shell, out, err } = collectingShell();
    expect(await run(["create", "--dry-run", "--json"], shell, useCases)).to.equal(0);
    expect(JSON.parse(out())).to.include({ outcome: "planned", archive: "/x.tar" });
    expect(err()).to.equal("holdstill: warning: A is not set\n");
  });

  it("draws progress on a terminal ten times a second at most, and takes it away", async () => {
    let time = 0;
    const { shell, out, err } = collectingShell({ columns: 80 }, () => time);
    const useCases = only({
      create: async (_options, { onEvent }) => {
        onEvent({ type: "phase", phase: "freeze" });
        for (let files = 1; files <= 1000; files += 1) {
          time += 1;
          onEvent({ type: "progress", files, bytes: 0 });
        }
        return reportWith();
      },
    });
    await run(["create", "--json"], shell, useCases);
    const drawn = err().split("\r\x1b[K").slice(1);
    expect(drawn).to.have.lengthOf(12);
    expect(drawn.at(-2)).to.equal("freezing  1,000 files");
    expect(drawn.at(-1)).to.equal("");
    expect(JSON.parse(out())).to.include({ outcome: "published" });
  });

  it("draws no progress with --quiet, and none where stderr is no terminal", async () => {
    const progressing = only({
      create: async (_options, { onEvent }) => {
        onEvent({ type: "phase", phase: "freeze" });
        return reportWith();
      },
    });
    const quiet = collectingShell({ columns: 80 });
    await run(["create", "--quiet"], quiet.shell, progressing);
    const piped = collectingShell();
    await run(["create"], piped.shell, progressing);
    expect([quiet.err(), piped.err()]).to.deep.equal(["", ""]);
  });

  it("tells an error with path and hint, and makes names harmless", async () => {
    const error = new HoldstillError("source-missing", "no such source", { path: "/a\x1b[2J", hint: "Look." });
    const failing = only({ create: () => Promise.reject(error) });
    const text = collectingShell();
    expect(await run(["create"], text.shell, failing)).to.equal(66);
    expect(text.err()).to.equal("holdstill: no such source: /a\\u001b[2J\nLook.\n");
    expect(text.out()).to.equal("");
    const json = collectingShell();
    expect(await run(["create", "--json"], json.shell, failing)).to.equal(66);
    expect(json.err()).to.equal("");
    expect(JSON.parse(json.out())).to.deep.equal({
      outcome: "failed",
      error: { code: "source-missing", message: "no such source", path: "/a\x1b[2J", hint: "Look." },
    });
  });

  it("ends with the reason of the signal, whatever error the unwinding made of it", async () => {
    const { shell, controller, err } = collectingShell();
    const useCases = only({
      create: async () => {
        controller.abort(new HoldstillError("interrupted", "interrupted"));
        throw new Error("The operation was aborted");
      },
    });
    expect(await run(["create"], shell, useCases)).to.equal(130);
    expect(err()).to.equal("holdstill: interrupted\n");
  });
});
