import { existsSync, lstatSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { CreateReport } from "../../lib/report/create-report.js";
import { extracted } from "../helpers/run.js";
import { contents, type Tree } from "../helpers/tree.js";
import { EMPTY_VAULT, holdstill, made, world } from "./holdstill.js";
import { CAME, type Interference } from "./preload.js";

describe("holdstill create, end to end", () => {
  it("makes an archive, says so in a few lines, and prints the same with --json", () => {
    const { home, source, output } = world();
    const args = ["create", "--source", source, "--output", output];
    const text = holdstill({ home }, args);
    expect({ ...text, stdout: "" }).to.deep.equal({ status: 0, signal: null, stdout: "", stderr: "" });
    expect(text.stdout).to.match(/^Wrote .*\n.* in 3 files, 4 directories\.\nFrozen in .*\nVerified in .*\n/);

    const json = holdstill({ home }, [...args, "--json"]);
    expect({ ...json, stdout: "" }).to.deep.equal({ status: 0, signal: null, stdout: "", stderr: "" });
    const report = JSON.parse(json.stdout) as CreateReport;
    expect(report).to.include({ outcome: "published", verified: true, complete: true });
    expect(report.counts).to.deep.equal({
      files: 3,
      directories: 4,
      symlinks: 0,
      hardlinks: 0,
      databases: 0,
      bytes: 6,
    });
    expect(report.bytes).to.equal(statSync(report.archive).size);
    expect(extracted(report, source)).to.deep.equal(contents(source));
    expect(readdirSync(output).filter((name) => name.includes(".tar"))).to.have.lengthOf(2);
  });

  for (const [path, sentence] of [
    ["agents/main/sessions/one.jsonl", "Skipped 1 session file removed by concurrent cleanup."],
    ["notes.txt", "Skipped 1 file removed by concurrent cleanup."],
  ] as const) {
    it(`names and counts a file that vanishes while it runs, and exits 0: ${sentence}`, () => {
      const here = world();
      const args = ["create", "--source", here.source, "--output", here.output, "--strategy", "link"];
      const name = path.slice(path.lastIndexOf("/"));
      const interference = { operation: "linkSync", path: name, act: "remove" } as const;
      const text = holdstill(here, args, { interference });
      expect({ ...text, stdout: "" }).to.deep.equal({ status: 0, signal: null, stdout: "", stderr: CAME });
      expect(text.stdout.split("\n").slice(-2)).to.deep.equal([sentence, ""]);
      expect(existsSync(join(here.source, path))).to.equal(false);

      writeFileSync(join(here.source, path), "again\n");
      const json = holdstill(here, [...args, "--json", "--strict"], { interference });
      expect({ ...json, stdout: "" }).to.deep.equal({ status: 3, signal: null, stdout: "", stderr: CAME });
      const { skipped, complete, counts } = JSON.parse(json.stdout) as CreateReport;
      expect(skipped).to.deep.equal([{ path, source: 0, reason: "vanished" }]);
      expect({ complete, files: counts.files }).to.deep.equal({ complete: true, files: 2 });
    });
  }

  it("writes nothing at all with --dry-run, and counts what it would", () => {
    const here = world();
    const before = JSON.stringify([contents(here.home), statSync(here.source).ctimeMs]);
    const { status, stdout, stderr } = holdstill(here, ["create", "--source", "source", "--dry-run", "--json"]);
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).to.deep.include({ outcome: "planned", counts: { files: 3, directories: 4, bytes: 6 } });
    expect(JSON.stringify([contents(here.home), statSync(here.source).ctimeMs])).to.equal(before);
  });
});

describe("holdstill create, when it is ended", () => {
  const MANY: Tree = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i}.jsonl`, `${i}\n`]));

  /** Ends a run, and proves that nothing is left of it and that the live tree is as it was. */
  function ended(interference: Interference, ...flags: readonly string[]) {
    const here = world(MANY);
    const before = contents(here.source);
    const args = ["create", "--source", here.source, "--output", here.output, "--compress", "none", ...flags];
    const { status, signal, stdout, stderr } = holdstill(here, args, { interference });
    expect(made(here)).to.deep.equal(EMPTY_VAULT);
    expect(contents(here.source)).to.deep.equal(before);
    for (const name of readdirSync(here.source)) expect(lstatSync(join(here.source, name)).nlink).to.equal(1);
    expect(signal).to.equal(null);
    expect(stderr.startsWith(CAME)).to.equal(true);
    return { status, stdout, stderr: stderr.slice(CAME.length) };
  }

  const PHASES = {
    freeze: { operation: "linkSync", path: "/10.jsonl" },
    archive: { operation: "openSync", path: ".tar.partial", creating: true },
    verify: { operation: "openSync", path: ".tar.partial", creating: false },
  } as const;
  for (const [phase, moment] of Object.entries(PHASES)) {
    for (const [act, code, status] of [
      ["SIGINT", "interrupted", 130],
      ["SIGTERM", "terminated", 143],
    ] as const) {
      it(`exits ${status} on ${act} during ${phase}, and leaves neither stage nor partial archive nor lock`, () => {
        const text = ended({ ...moment, act }, "--strategy", "link");
        expect(text).to.deep.equal({ status, stdout: "", stderr: `holdstill: ${code}\n` });
        const json = ended({ ...moment, act }, "--strategy", "link", "--json");
        expect({ ...json, stdout: "" }).to.deep.equal({ status, stdout: "", stderr: "" });
        expect(JSON.parse(json.stdout)).to.deep.equal({ outcome: "failed", error: { code, message: code } });
      });
    }
  }

  for (const [act, what, message] of [
    ["throw late", "an exception that nobody catches", "late"],
    ["forget", "a promise that never settles", "the run ended unfinished"],
  ] as const) {
    it(`exits 70 on ${what}, says so, and leaves nothing`, () => {
      const { status, stdout, stderr } = ended({ operation: "append", act });
      expect({ status, stdout }).to.deep.equal({ status: 70, stdout: "" });
      expect(stderr.split("\n")[0]).to.equal(`holdstill: ${message}`);
      const json = ended({ operation: "append", act }, "--json");
      expect({ status: json.status, stderr: json.stderr }).to.deep.equal({ status: 70, stderr: "" });
      expect(JSON.parse(json.stdout)).to.deep.include({ outcome: "failed" });
    });
  }

  it("has no stage any more when the archive is verified", () => {
    const here = world(MANY);
    const args = ["create", "--source", here.source, "--output", here.output, "--compress", "none"];
    const interference = { ...PHASES.verify, act: "SIGKILL" } as const;
    expect(holdstill(here, args, { interference })).to.include({ signal: "SIGKILL", stderr: CAME });
    expect(made(here).join("\n"))
      .to.match(/\.tar\.partial$/m)
      .and.not.match(/holdstill-stage-/);
  });

  it("leaves to the next run what it could not remove because it was killed", () => {
    const here = world(MANY);
    const args = ["create", "--source", here.source, "--output", here.output, "--compress", "none"];
    const interference = { operation: "append", act: "SIGKILL" } as const;
    expect(holdstill(here, args, { interference })).to.include({ status: null, signal: "SIGKILL", stderr: CAME });
    const left = made(here).join("\n");
    for (const pattern of [/^\.holdstill-stage-/m, /\.tar\.partial$/m, /\.index\.partial$/m, /\.holdstill\/lock$/m]) {
      expect(left).to.match(pattern);
    }
    expect(holdstill(here, args)).to.include({ status: 0, stderr: "" });
    const now = made(here).map((path) => path.replace(/\/[^/]*\.tar/, "/*.tar"));
    expect(now).to.have.members([
      ...EMPTY_VAULT,
      "archives/.holdstill/index/",
      "archives/.holdstill/index/*.tar.json",
      "archives/.holdstill/index/*.tar.jsonl.gz",
      "archives/.holdstill/index/*.tar.sha256",
      "archives/*.tar",
    ]);
  });
});
