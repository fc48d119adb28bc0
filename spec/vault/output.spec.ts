import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { HoldstillError } from "../../lib/errors.js";
import { disk } from "../../lib/filesystem.js";
import { checkOutput, defaultDirectory, makeDirectory, outputOf } from "../../lib/vault/output.js";
import { withMounts } from "../helpers/mount-table.js";
import { fsWith, refuse } from "../helpers/port.js";
import { contents, tmpDirectory } from "../helpers/tree.js";

const PLACE = { env: {}, homedir: "/home/me", cwd: "/work" };

function refusal(work: () => unknown): HoldstillError {
  try {
    work();
  } catch (error) {
    expect(error).to.be.instanceOf(HoldstillError);
    return error as HoldstillError;
  }
  return expect.fail("it was not refused");
}

describe("outputOf", () => {
  for (const [env, expected] of [
    [{}, "/home/me/.local/share/holdstill/openclaw"],
    [{ XDG_DATA_HOME: "/data" }, "/data/holdstill/openclaw"],
    [{ XDG_DATA_HOME: "" }, "/home/me/.local/share/holdstill/openclaw"],
    [{ XDG_DATA_HOME: "relative" }, "/home/me/.local/share/holdstill/openclaw"],
  ] as const) {
    it(`is the data directory where nothing is given: ${JSON.stringify(env)}`, () => {
      expect(defaultDirectory("openclaw", { ...PLACE, env })).to.equal(expected);
      const found = outputOf(undefined, "openclaw", "auto", { ...PLACE, env });
      expect(found).to.deep.equal({ directory: expected, file: undefined });
    });
  }

  const meanings: readonly (readonly [given: string, directory: string, name?: string, compression?: string])[] = [
    ["/backup", "/backup"],
    ["backup/here/", "/work/backup/here"],
    ["../up", "/up"],
    ["/backup/x.tar", "/backup", "x.tar", "none"],
    ["x.tar.gz", "/work", "x.tar.gz", "gzip"],
    ["a/../x.tgz", "/work", "x.tgz", "gzip"],
    ["/x.tar.zst", "/", "x.tar.zst", "zstd"],
    ["my.archives/x.tzst", "/work/my.archives", "x.tzst", "zstd"],
    ["x.tar.zst.age", "/work", "x.tar.zst.age", "zstd"],
    ["x.tgz.age", "/work", "x.tgz.age", "gzip"],
    ["/backup/x.age", "/backup/x.age"],
    ["/backup/x.zip", "/backup/x.zip"],
    ["/backup/.tar", "/backup", ".tar", "none"],
  ];
  for (const [given, directory, name, compression] of meanings) {
    it(`takes ${given} for ${name === undefined ? "a directory" : `an archive (${String(compression)})`}`, () => {
      const file = name === undefined ? undefined : { name, compression };
      expect(outputOf(given, "directory", "auto", PLACE)).to.deep.equal({ directory, file });
    });
  }

  for (const [given, asked] of [
    ["x.tar", "zstd"],
    ["x.tgz", "none"],
    ["x.tar.zst", "gzip"],
    ["x.tar.gz.age", "zstd"],
  ] as const) {
    it(`refuses --compress ${asked} for ${given}, and takes what agrees`, () => {
      const { code, path, hint } = refusal(() => outputOf(given, "directory", asked, PLACE));
      expect({ code, path }).to.deep.equal({ code: "usage", path: `/work/${given}` });
      expect(hint).to.include(given);
    });
  }
});

describe("checkOutput", () => {
  /** A source with a directory in it, beside a link into it. */
  function world() {
    const home = tmpDirectory();
    mkdirSync(join(home, "source/inner"), { recursive: true });
    symlinkSync("source/inner", join(home, "link"));
    const check = (output: string) => () =>
      checkOutput(disk, outputOf(join(home, output), "directory", "auto", PLACE), [join(home, "source")]);
    return { home, check };
  }

  for (const output of [
    "source",
    "source/inner",
    "source/no/such",
    "source/x.tar",
    "link",
    "link/deeper",
    "link/x.tgz",
  ]) {
    it(`refuses what lies in the source: ${output}`, () => {
      const { home, check } = world();
      const { code, path, hint } = refusal(check(output));
      expect({ code, path }).to.deep.equal({ code: "output-unusable", path: join(home, output) });
      expect(hint).to.include("--output");
    });
  }

  for (const output of ["elsewhere", "source-2", "source.tar", "no/such/directory", "."]) {
    it(`allows what lies beside the source: ${output}`, () => {
      const { home, check } = world();
      const before = contents(home);
      check(output)();
      expect(contents(home)).to.deep.equal(before);
    });
  }

  it("refuses what a mount leads into a source, and only that", () => {
    const table = (what: string) => [
      "1 0 8:1 / / rw - ext4 /dev/sda rw",
      `2 1 8:1 ${what} /backup rw - ext4 /dev/sda rw`,
      "3 1 8:2 / /data rw - ext4 /dev/sdb rw",
    ];
    const check = (what: string, directory: string) => () =>
      checkOutput(fsWith(withMounts(...table(what))), { directory, file: undefined }, ["/srv/app"]);
    expect(refusal(check("/srv/app/sub", "/backup/new")).code).to.equal("output-unusable");
    expect(refusal(check("/srv", "/backup/app")).code).to.equal("output-unusable");
    check("/srv", "/backup/apples")();
    check("/srv/app/sub", "/data/srv/app")();
  });

  it("refuses everything where the source is the root", () => {
    const { home } = world();
    const { code } = refusal(() => checkOutput(disk, { directory: home, file: undefined }, ["/"]));
    expect(code).to.equal("output-unusable");
  });

  for (const kind of ["file", "directory", "dangling link"]) {
    it(`refuses an archive whose name is taken by a ${kind}`, () => {
      const { home, check } = world();
      const path = join(home, "x.tar");
      if (kind === "file") writeFileSync(path, "mine");
      else if (kind === "directory") mkdirSync(path);
      else symlinkSync("no/such", path);
      const before = contents(home);
      const { code, path: named, hint } = refusal(check("x.tar"));
      expect({ code, named }).to.deep.equal({ code: "output-exists", named: path });
      expect(hint).to.include("another name");
      expect(contents(home)).to.deep.equal(before);
    });
  }

  it("says so when it may not look", () => {
    const output = { directory: "/d", file: { name: "x.tar", compression: "none" } } as const;
    const { code, path } = refusal(() => checkOutput(fsWith({ lstat: refuse("EACCES") }), output, []));
    expect({ code, path }).to.deep.equal({ code: "output-unusable", path: "/d/x.tar" });
  });
});

describe("makeDirectory", () => {
  function withUmask<T>(mask: number, work: () => T): T {
    const before = process.umask(mask);
    try {
      return work();
    } finally {
      process.umask(before);
    }
  }

  it("makes it and its parents, closed to all others whatever the umask", () => {
    const home = tmpDirectory();
    for (const mask of [0o000, 0o022, 0o077]) {
      const path = join(home, `${mask}/b/c`);
      withUmask(mask, () => makeDirectory(disk, bytesOf(path)));
      for (const made of [path, join(path, ".."), join(path, "../..")]) {
        expect((statSync(made).mode & 0o777).toString(8)).to.equal("700");
      }
    }
  });

  it("leaves one that is there as it is, also behind a link", () => {
    const home = tmpDirectory();
    mkdirSync(join(home, "there"), { mode: 0o755 });
    symlinkSync("there", join(home, "link"));
    for (const name of ["there", "link"]) makeDirectory(disk, bytesOf(join(home, name)));
    expect((statSync(join(home, "there")).mode & 0o777).toString(8)).to.equal("755");
  });

  for (const [which, make] of [
    ["a file", (path: string) => writeFileSync(path, "")],
    ["a link to a file", (path: string) => symlinkSync("/etc/passwd", path)],
    ["a dangling link", (path: string) => symlinkSync("no/such", path)],
  ] as const) {
    it(`refuses ${which}`, () => {
      const path = join(tmpDirectory(), "output");
      make(path);
      expect(refusal(() => makeDirectory(disk, bytesOf(path)))).to.include({ code: "output-unusable", path });
    });
  }

  it("refuses a directory below a file", () => {
    const path = join(tmpDirectory(), "file");
    writeFileSync(path, "");
    const { code } = refusal(() => makeDirectory(disk, bytesOf(join(path, "output"))));
    expect(code).to.equal("output-unusable");
  });

  for (const [code, meaning] of [
    ["EACCES", "output-unusable"],
    ["EROFS", "output-unusable"],
    ["EIO", "output-unusable"],
    ["ENOSPC", "no-space"],
    ["EDQUOT", "no-space"],
  ] as const) {
    it(`says ${meaning} for ${code}, with the path and a hint`, () => {
      const path = join(tmpDirectory(), "output");
      const error = refusal(() => makeDirectory(fsWith({ mkdir: refuse(code) }), bytesOf(path)));
      expect(error).to.include({ code: meaning, path });
      expect(error.hint).to.include("--output");
      expect(error.cause).to.include({ code });
    });
  }
});
