import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";
import { expect } from "chai";
import type { CreateReport } from "../../lib/report/create-report.js";
import type { Failure } from "../../lib/report/failure.js";
import { extracted } from "../helpers/run.js";
import { contents, tmpDirectory, writeTree, type Tree } from "../helpers/tree.js";
import { CAME, type Interference } from "./preload.js";

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));
const PRELOAD = new URL("preload.js", import.meta.url).href;
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

const SESSIONS: Tree = { agents: { main: { sessions: { "one.jsonl": "1\n", "two.jsonl": "2\n" } } }, "notes.txt": "n\n" };

interface World {
  readonly home: string;
  readonly source: string;
  readonly output: string;
}

/** A home of its own with a source in it, and nothing else. */
function world(tree: Tree = SESSIONS): World {
  const home = tmpDirectory();
  writeTree(join(home, "source"), tree);
  return { home, source: join(home, "source"), output: join(home, "archives") };
}

interface RunOptions {
  readonly interference?: Interference;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

function holdstill({ home }: Pick<World, "home">, args: readonly string[], options: RunOptions = {}) {
  const { interference, env, uid } = options;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ["--import", PRELOAD, MAIN, ...args], {
    cwd: home,
    encoding: "utf8",
    env: {
      ...{ PATH: process.env["PATH"], HOME: home, ...env },
      ...(interference && { HOLDSTILL_SPEC_INTERFERENCE: JSON.stringify(interference) }),
    },
    ...(uid !== undefined && { uid, gid: uid }),
  });
  return { status, signal, stdout, stderr };
}

/** All that is there but the source: what a run has made. */
function made({ home }: World): string[] {
  return Object.keys(contents(home)).filter((path) => !path.startsWith("source/"));
}

const EMPTY_VAULT = ["archives/", "archives/.holdstill/"];

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
    expect(report.counts).to.deep.equal({ files: 3, directories: 4, symlinks: 0, hardlinks: 0, databases: 0, bytes: 6 });
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

interface BadInput {
  readonly status: number;
  readonly code: Failure["code"];
  readonly args: readonly string[];
  /** What the message names, below the home. */
  readonly names?: string;
  readonly prepare?: (here: World) => void;
  readonly options?: RunOptions;
  /** What there is afterwards beside the source. */
  readonly left?: readonly string[];
}

const TO = ["--output", "archives"];
const FROM = ["--source", "source"];

const BAD: Readonly<Record<string, BadInput>> = {
  "a source that is missing": { status: 66, code: "source-missing", args: ["--source", "no/such", ...TO], names: "no/such" },
  "a source that is a file": {
    ...{ status: 66, code: "source-missing", args: ["--source", "source/notes.txt", ...TO] },
    names: "source/notes.txt",
  },
  "an output that exists": {
    ...{ status: 73, code: "output-exists", args: [...FROM, "--output", "mine.tar"], names: "mine.tar" },
    prepare: ({ home }) => writeFileSync(join(home, "mine.tar"), "mine"),
    left: ["mine.tar"],
  },
  "an output inside a source": {
    ...{ status: 73, code: "output-unusable", args: [...FROM, "--output", "source/agents"], names: "source/agents" },
  },
  "an output that is a file": {
    ...{ status: 73, code: "output-unusable", args: [...FROM, "--output", "mine"], names: "mine" },
    prepare: ({ home }) => writeFileSync(join(home, "mine"), "mine"),
    left: ["mine"],
  },
  "an option that does not exist": { status: 64, code: "usage", args: [...FROM, ...TO, "--sauce"] },
  "a level that is out of range": { status: 64, code: "usage", args: [...FROM, ...TO, "--compress", "gzip", "--level", "10"] },
  "a level that is no number": { status: 64, code: "usage", args: [...FROM, ...TO, "--level", "best"] },
  "a level for what is not compressed": { status: 64, code: "usage", args: [...FROM, ...TO, "--compress", "none", "--level", "1"] },
  "a compression against the name": {
    ...{ status: 64, code: "usage", args: [...FROM, "--output", "x.tar.gz", "--compress", "none"], names: "x.tar.gz" },
  },
  "a label that is no name": { status: 64, code: "usage", args: [...FROM, ...TO, "--label", "../x"] },
};

describe("holdstill create, given", () => {
  function expectRefusal(here: World, input: BadInput): void {
    const { status, code, args, names, left = [], options } = input;
    const before = contents(here.source);
    const text = holdstill(here, ["create", ...args], options);
    expect({ status: text.status, stdout: text.stdout }).to.deep.equal({ status, stdout: "" });
    const [message = "", hint = "", ...rest] = text.stderr.split("\n");
    expect(message).to.match(/^holdstill: \S/);
    if (names !== undefined) expect(message).to.include(join(here.home, names));
    expect(hint).to.match(/\S.*\S/);
    expect(rest).to.deep.equal([""]);

    const json = holdstill(here, ["create", ...args, "--json"], options);
    expect({ status: json.status, stderr: json.stderr }).to.deep.equal({ status, stderr: "" });
    const { outcome, error, ...others } = JSON.parse(json.stdout) as { outcome: string; error: Failure };
    const { code: said, message: told, path, hint: advised, ...more } = error;
    expect({ outcome, said, advised }).to.deep.equal({ outcome: "failed", said: code, advised: hint });
    expect(told).to.be.a("string").and.not.equal("");
    expect({ ...others, ...more }).to.deep.equal({});
    if (names !== undefined) expect(path).to.equal(join(here.home, names));

    expect(made(here)).to.deep.equal(left);
    expect(contents(here.source)).to.deep.equal(before);
  }

  for (const [which, input] of Object.entries(BAD)) {
    it(`${which}, exits ${input.status}, says what and where and what to do, and makes nothing`, () => {
      const here = world();
      input.prepare?.(here);
      expectRefusal(here, input);
      if (input.code === "output-exists") expect(readFileSync(join(here.home, "mine.tar"), "utf8")).to.equal("mine");
    });
  }

  it("zstd where there is none, exits 64 and makes nothing; without being asked it takes gzip and says so", function () {
    if ("createZstdCompress" in zlib) this.skip();
    const here = world();
    const options = { env: { PATH: join(here.home, "no-programs") } };
    expectRefusal(here, { status: 64, code: "usage", args: [...FROM, ...TO, "--compress", "zstd"], options });
    expectRefusal(here, { status: 64, code: "usage", args: [...FROM, "--output", "x.tzst"], options });
    const { status, stderr } = holdstill(here, ["create", ...FROM, ...TO], options);
    expect({ status, stderr }).to.deep.equal({
      status: 0,
      stderr: "holdstill: warning: zstd is not available here, so the archive is compressed with gzip.\n",
    });
  });

  for (const [which, output, names] of [
    ["an archive directory that it may not write", "closed", "closed/.holdstill"],
    ["an archive directory that it may not make", "closed/new", "closed/new"],
    ["an archive in a directory that it may not write", "closed/x.tar", "closed/.holdstill"],
  ] as const) {
    it(`${which}, exits 73 and makes nothing`, function () {
      const uid = isRoot ? NOBODY : undefined;
      const here = world();
      if (uid !== undefined) {
        for (const path of [here.home, here.source]) chownSync(path, uid, uid);
        if (holdstill(here, ["--version"], { uid }).status !== 0) this.skip();
      }
      mkdirSync(join(here.home, "closed"));
      chmodSync(join(here.home, "closed"), 0o555);
      const args = [...FROM, "--output", output];
      const options = uid === undefined ? {} : { uid };
      expectRefusal(here, { status: 73, code: "output-unusable", args, names, options, left: ["closed/"] });
    });
  }

  it("a source that vanishes entirely while it is frozen, exits 66 and leaves nothing", () => {
    const here = world();
    const interference = { operation: "linkSync", path: "/notes.txt", act: "remove source", source: here.source } as const;
    const args = ["create", "--source", here.source, "--output", here.output, "--strategy", "link", "--json"];
    const { status, stdout, stderr } = holdstill(here, args, { interference });
    expect({ status, stderr }).to.deep.equal({ status: 66, stderr: CAME });
    const { error } = JSON.parse(stdout) as { error: Failure };
    expect(error).to.include({ code: "source-missing", path: here.source });
    expect(error.hint).to.match(/try again/);
    expect(made(here)).to.deep.equal(EMPTY_VAULT);
  });
});
