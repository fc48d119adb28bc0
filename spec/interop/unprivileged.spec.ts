import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { CreateReport } from "../../lib/report/create-report.js";
import { skip } from "../helpers/mounts.js";
import { extracted, indexOf } from "../helpers/run.js";
import { tmpDirectory, writeTree, type Tree } from "../helpers/tree.js";
import { marksOf } from "../helpers/untouched.js";

const PROGRAM = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));
const NOBODY = 65_534;
const SOMEBODY = 65_533;

describe("as a user without privileges", function () {
  this.timeout(60_000);
  let home: string;
  let source: string;

  before(function () {
    if (process.getuid?.() !== 0) skip(this, "only root can become another user");
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, "--version"], { uid: NOBODY, gid: NOBODY });
    if (status !== 0) skip(this, `user ${NOBODY} cannot run ${PROGRAM}: ${String(stderr).trim().split("\n")[0] ?? ""}`);
  });

  beforeEach(() => {
    home = tmpDirectory();
    source = join(home, "state");
  });

  /** Makes the tree somebody's; what they may not have is taken from them by the spec. */
  function plant(tree: Tree, owner = NOBODY): void {
    writeTree(source, tree);
    for (const path of [home, source]) chownSync(path, NOBODY, NOBODY);
    for (const path of readdirSync(source, { recursive: true, encoding: "utf8" })) {
      chownSync(join(source, path), owner, owner);
    }
  }

  function create(...args: readonly string[]): { readonly code: number | null; readonly report: CreateReport } {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [
        PROGRAM,
        "create",
        "--source",
        source,
        "--output",
        join(home, "archives"),
        "--compress",
        "none",
        "--json",
        ...args,
      ],
      { uid: NOBODY, gid: NOBODY, cwd: home, env: { PATH: process.env["PATH"], HOME: home }, encoding: "utf8" },
    );
    expect(stderr).to.equal("");
    return { code: status, report: JSON.parse(stdout) as CreateReport };
  }

  for (const strategy of ["link", "copy"] as const) {
    it(`says of a file and a directory of mode 0000 that they are unreadable, and archives the rest: ${strategy}`, () => {
      plant({ "closed.txt": "secret", "open.txt": "open", closed: { "in.txt": "in" }, below: { "b.txt": "b" } });
      chmodSync(join(source, "closed.txt"), 0);
      chmodSync(join(source, "closed"), 0);
      const { code, report } = create("--strategy", strategy);
      expect(code).to.equal(3);
      expect(report).to.include({ outcome: "published", verified: true, complete: false });
      expect(report.skipped).to.have.deep.members([
        { path: "closed", source: 0, reason: "unreadable", detail: "EACCES" },
        { path: "closed.txt", source: 0, reason: "unreadable", detail: "EACCES" },
      ]);
      expect(extracted(report, source)).to.deep.equal({ "open.txt": "open", "below/": "/", "below/b.txt": "b" });
    });
  }

  it("says of a directory that it may list but not enter that what is in it is unreadable", () => {
    plant({ "open.txt": "open", listed: { "in.txt": "in" } });
    chmodSync(join(source, "listed"), 0o400);
    const { code, report } = create();
    expect(code).to.equal(3);
    expect(report.skipped).to.deep.equal([
      { path: "listed/in.txt", source: 0, reason: "unreadable", detail: "EACCES" },
    ]);
    expect(extracted(report, source)).to.deep.equal({ "open.txt": "open", "listed/": "/" });
  });

  it("copies, and counts, files of another user, which may not be linked", function () {
    if (readFileSync("/proc/sys/fs/protected_hardlinks", "utf8").trim() !== "1")
      skip(this, "fs.protected_hardlinks is off");
    plant({ "theirs.txt": "theirs" }, SOMEBODY);
    writeFileSync(join(source, "mine.txt"), "mine");
    chownSync(join(source, "mine.txt"), NOBODY, NOBODY);
    const { code, report } = create();
    expect(code).to.equal(0);
    expect(report.capture).to.deep.equal({ clone: 0, link: 1, copy: 1, database: 0 });
    expect(extracted(report, source)).to.deep.equal({ "mine.txt": "mine", "theirs.txt": "theirs" });
    const line = indexOf(report).find(({ path }) => path === "theirs.txt");
    expect(line).to.include({ uid: SOMEBODY, gid: SOMEBODY }).and.to.have.nested.property("capture.method", "copy");
  });

  it("has its stage inside a source whose parent it may not write to, and leaves the source's time alone", () => {
    plant({ "a.txt": "a", below: { "b.txt": "b" } });
    mkdirSync(join(home, "archives"));
    chownSync(join(home, "archives"), NOBODY, NOBODY);
    chownSync(home, 0, 0);
    chmodSync(home, 0o755);
    utimesSync(source, 1_700_000_000.5, 1_700_000_000.5);
    const before = marksOf(source, { ctime: false });
    const { code, report } = create();
    expect(code).to.equal(0);
    expect(report.sources).to.deep.equal([{ path: source, stage: "inside", method: "link" }]);
    expect(extracted(report, source)).to.deep.equal({ "a.txt": "a", "below/": "/", "below/b.txt": "b" });
    expect(marksOf(source, { ctime: false })).to.deep.equal(before);
  });

  it("fails with 66 and a hint where the source itself may not be read", () => {
    plant({ "a.txt": "a" });
    chownSync(source, 0, 0);
    chmodSync(source, 0o700);
    const { code, report } = create();
    expect(code).to.equal(66);
    expect(report).to.have.nested.property("error.path", source);
    expect(report).to.have.nested.property("error.hint").that.is.not.empty;
  });
});
