import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { disk } from "../../lib/filesystem.js";
import { createFrom, extracted } from "../helpers/run.js";
import { afterTheFreeze } from "../helpers/freeze.js";
import { skip } from "../helpers/mounts.js";
import { fsWith } from "../helpers/port.js";
import { contents, tmpDirectory, writeTree } from "../helpers/tree.js";

const OWNER = 65_534;
const TREE = { "a.jsonl": "1\n", below: { "b.txt": "b" } };

/** Where the owner of the tree puts something else in the place of root's stage. */
const SWAPS = {
  "a link to a directory of root's": (stage: string, secret: string) => `ln -s ${secret} ${stage}`,
  "another directory of root's": (stage: string) => `mv roots ${stage}`,
  "a directory of their own": (stage: string) => `mkdir -m 0700 ${stage} && echo mine > ${stage}/mine.txt`,
  nothing: () => "true",
};

describe("root, over the tree of another user", function () {
  this.timeout(60_000);
  let home: string;
  let source: string;
  let secret: string;

  before(function () {
    if (process.getuid?.() !== 0) skip(this, "only root can become another user");
  });

  beforeEach(() => {
    home = tmpDirectory();
    source = join(home, "state");
    secret = tmpDirectory();
    writeTree(source, TREE);
    writeFileSync(join(secret, "secret.txt"), "secret");
    const below = readdirSync(source, { recursive: true, encoding: "utf8" }).map((path) => join(source, path));
    for (const path of [home, source, ...below]) chownSync(path, OWNER, OWNER);
    writeTree(join(home, "roots"), { "kept.txt": "kept" });
    chmodSync(join(home, "roots"), 0o700);
  });

  /** As the owner of the tree, in their own directory. */
  const owner = (line: string) =>
    spawnSync("sh", ["-c", line], { uid: OWNER, gid: OWNER, cwd: home, encoding: "utf8" });
  const stageName = (): string => readdirSync(home).find((name) => name.startsWith(".holdstill-stage-")) ?? "";

  it("makes no stage in what they have put in its place at once, and leaves that alone", async () => {
    const before = contents(home);
    const fs = fsWith({
      openDirectory(path) {
        if (path.includes("/.holdstill-stage-") && existsSync(join(home, "roots"))) {
          expect(owner(`mv ${stageName()} aside && mv roots ${stageName()}`).status).to.equal(0);
        }
        return disk.openDirectory(path);
      },
    });
    const failure = await createFrom(source, {}, { fs }).catch((error: unknown) => error);
    expect(failure).to.include({ code: "io" });
    expect(owner(`rmdir aside; mv ${stageName()} roots`).status).to.equal(0);
    expect(contents(home)).to.deep.equal(before);
  });

  for (const strategy of ["link", "copy"] as const) {
    it(`keeps them out of its stage, and takes nothing that they cannot read: ${strategy}`, async () => {
      symlinkSync(join(secret, "secret.txt"), join(source, "link"));
      let tried = 0;
      const attack = afterTheFreeze(() => {
        for (const line of ["ls -A", "cat owner.json", "ln owner.json ../stolen", "touch planted"]) {
          const { status, stderr } = owner(`cd ${stageName()} && ${line}`);
          expect(status, `${line}: ${stderr}`).not.to.equal(0);
          tried++;
        }
        expect(owner(`ln ${join(secret, "secret.txt")} state/linked.txt`).status).not.to.equal(0);
      });
      const report = await createFrom(source, { strategy }, attack);
      expect(tried).to.equal(4);
      expect(extracted(report, source)).to.deep.equal(contents(source)).and.to.include({ "a.jsonl": "1\n" });
      const { uid, mode } = lstatSync(report.archive);
      expect({ uid, mode: mode & 0o777 }).to.deep.equal({ uid: 0, mode: 0o600 });
      expect(readdirSync(home).sort()).to.deep.equal(["roots", "state"]);
    });

    for (const [what, put] of Object.entries(SWAPS)) {
      it(`is led nowhere by ${what} in place of its stage: ${strategy}`, async () => {
        let swapped = "";
        const swap = afterTheFreeze(() => {
          const stage = stageName();
          const { status, stderr } = owner(`mv ${stage} aside && ${put(stage, secret)}`);
          expect(status, stderr).to.equal(0);
          swapped = stage;
        });
        const report = await createFrom(source, { strategy }, swap);
        expect(swapped).to.match(/^\.holdstill-stage-/);
        expect(extracted(report, source)).to.deep.equal(contents(source));
        await createFrom(source, { strategy });
        expect(contents(secret)).to.deep.equal({ "secret.txt": "secret" });
        expect(contents(source)).to.deep.equal({ "a.jsonl": "1\n", "below/": "/", "below/b.txt": "b" });
        if (what.startsWith("a link")) expect(readlinkSync(join(home, swapped))).to.equal(secret);
        if (what.startsWith("another")) expect(contents(join(home, swapped))).to.deep.equal({ "kept.txt": "kept" });
        if (what.startsWith("a dir")) expect(contents(join(home, swapped))).to.deep.equal({ "mine.txt": "mine\n" });
        // What was moved away is closed to them still, and holds nothing any more.
        expect(owner("ls -A aside").status).not.to.equal(0);
        expect(readdirSync(join(home, "aside"))).to.deep.equal([]);
      });
    }
  }
});
