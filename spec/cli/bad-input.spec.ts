import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import zlib from "node:zlib";
import { expect } from "chai";
import type { Failure } from "../../lib/report/failure.js";
import { contents } from "../helpers/tree.js";
import { EMPTY_VAULT, holdstill, made, world, type RunOptions, type World } from "./holdstill.js";
import { CAME } from "./preload.js";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

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
  "a source that is missing": {
    status: 66,
    code: "source-missing",
    args: ["--source", "no/such", ...TO],
    names: "no/such",
  },
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
  "an output that is a loop of links": {
    ...{ status: 73, code: "output-unusable", args: [...FROM, "--output", "loop"], names: "loop" },
    prepare: ({ home }) => symlinkSync("loop", join(home, "loop")),
    left: ["loop"],
  },
  "an output whose name is too long": {
    ...{ status: 73, code: "output-unusable", args: [...FROM, "--output", "x".repeat(300)], names: "x".repeat(300) },
  },
  "an output that is a file": {
    ...{ status: 73, code: "output-unusable", args: [...FROM, "--output", "mine"], names: "mine" },
    prepare: ({ home }) => writeFileSync(join(home, "mine"), "mine"),
    left: ["mine"],
  },
  "an option that does not exist": { status: 64, code: "usage", args: [...FROM, ...TO, "--sauce"] },
  "a level that is out of range": {
    status: 64,
    code: "usage",
    args: [...FROM, ...TO, "--compress", "gzip", "--level", "10"],
  },
  "a level that is no number": { status: 64, code: "usage", args: [...FROM, ...TO, "--level", "best"] },
  "a level for what is not compressed": {
    status: 64,
    code: "usage",
    args: [...FROM, ...TO, "--compress", "none", "--level", "1"],
  },
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
    const interference = {
      operation: "linkSync",
      path: "/notes.txt",
      act: "remove source",
      source: here.source,
    } as const;
    const args = ["create", "--source", here.source, "--output", here.output, "--strategy", "link", "--json"];
    const { status, stdout, stderr } = holdstill(here, args, { interference });
    expect({ status, stderr }).to.deep.equal({ status: 66, stderr: CAME });
    const { error } = JSON.parse(stdout) as { error: Failure };
    expect(error).to.include({ code: "source-missing", path: here.source });
    expect(error.hint).to.match(/try again/);
    expect(made(here)).to.deep.equal(EMPTY_VAULT);
  });
});
