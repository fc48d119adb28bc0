import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { contents } from "../helpers/tree.js";
import { holdstill, needs, run, sessions, type Sessions } from "./engines.js";

/** Runs an engine on the staged tree of the sessions, and returns what it printed. */
function staged(here: Sessions, strategy: string, ...command: readonly string[]): string {
  const args = ["stage", "--source", here.source, "--strategy", strategy, "--quiet", "--", ...command];
  const { status, stdout, stderr } = holdstill(args, here);
  expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
  expect(readdirSync(here.home).filter((name) => name.startsWith(".holdstill"))).to.deep.equal([]);
  return stdout;
}

describe("holdstill stage and other backup engines", () => {
  for (const strategy of ["link", "copy"]) {
    it(`has restic read only what changed since the last run: ${strategy}`, function () {
      needs(this, "restic");
      const here = sessions({ RESTIC_PASSWORD: "secret" });
      const repository = join(here.home, "repository");
      const backup = (): Record<string, unknown> => {
        const command = ["restic", "-r", repository, "backup", "--json", "--ignore-ctime", "--ignore-inode", "."];
        const lines = staged(here, strategy, ...command)
          .trimEnd()
          .split("\n");
        return JSON.parse(lines.at(-1) ?? "") as Record<string, unknown>;
      };
      expect(run("restic", ["-r", repository, "init"], here)).to.include({ status: 0 });
      expect(backup()).to.include({ files_new: here.files, files_changed: 0, files_unmodified: 0 });
      const changed = here.change();
      expect(backup()).to.include({ files_new: 0, files_changed: changed, files_unmodified: here.files - changed });

      const target = join(here.home, "restored");
      expect(run("restic", ["-r", repository, "restore", "latest", "--target", target], here)).to.include({
        status: 0,
      });
      const [tree = ""] = readdirSync(target, { recursive: true, encoding: "utf8" }).filter((path) =>
        /\/tree$/.test(path),
      );
      expect(contents(join(target, tree))).to.deep.equal(contents(here.source));
      expect(run("restic", ["-r", repository, "check", "--read-data"], here)).to.include({ status: 0 });
    });
  }

  it("has borg read only what changed since the last run", function () {
    needs(this, "borg");
    const here = sessions({
      BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: "yes",
      BORG_RELOCATED_REPO_ACCESS_IS_OK: "yes",
    });
    const repository = join(here.home, "repository");
    const backup = (name: string): string => {
      const command = [
        "borg",
        "create",
        "--list",
        "--filter",
        "AM",
        "--files-cache",
        "mtime,size",
        `${repository}::${name}`,
        ".",
      ];
      return staged(here, "copy", "sh", "-c", '"$@" 2>&1', "sh", ...command);
    };
    expect(run("borg", ["init", "--encryption", "none", repository], here)).to.include({ status: 0 });
    // borg does not trust the mtime of what is newest, and reads it again.
    const newest = Date.now() / 1000 - 600;
    writeFileSync(join(here.source, "newest"), "n");
    utimesSync(join(here.source, "newest"), newest, newest);
    expect(backup("first").match(/^A /gm)).to.have.lengthOf(here.files + 1);
    const changed = here.change();
    expect(backup("second").match(/^[AM] /gm)).to.have.lengthOf(changed + 1);
    const target = join(here.home, "restored");
    mkdirSync(target);
    expect(run("borg", ["extract", `${repository}::second`], { ...here, home: target })).to.include({ status: 0 });
    expect(contents(target)).to.deep.equal(contents(here.source));
  });

  it("has rsync transfer only what changed since the last run, and delete what is gone", function () {
    needs(this, "rsync");
    const here = sessions();
    const target = join(here.home, "mirror");
    const backup = (): string[] =>
      staged(here, "link", "rsync", "-a", "--delete", "--out-format=%n", "./", `${target}/`)
        .trimEnd()
        .split("\n")
        .filter((name) => name.endsWith(".jsonl"));
    expect(backup()).to.have.lengthOf(here.files);
    const changed = here.change();
    expect(backup()).to.have.lengthOf(changed);
    expect(contents(target)).to.deep.equal(contents(here.source));
  });
});
