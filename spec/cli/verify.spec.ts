import { expect } from "chai";
import { run } from "../../lib/cli/program.js";
import { HoldstillError } from "../../lib/errors.js";
import type { VerifyReport } from "../../lib/verify.js";
import { collectingShell, only } from "./collecting-shell.js";

function good(archive: string): VerifyReport {
  const counts = { files: 3, directories: 1, symlinks: 0, hardlinks: 0, databases: 0 };
  return {
    archive,
    ok: true,
    holdstill: true,
    ...counts,
    bytes: 2048,
    archiveBytes: 1024,
    sha256: "00",
    unchecked: [],
    damaged: [],
  };
}

const useCases = only({
  verify: async (path) => {
    if (path.includes("bad")) throw new HoldstillError("bad-archive", "sha256 of x differs", { path });
    if (path.includes("missing")) throw new HoldstillError("no-archive", "no such archive", { path });
    return good(path);
  },
  listArchives: async (directory) => {
    if (directory === "/empty") throw new HoldstillError("no-archive", "there is no archive here", { path: directory });
    return [`${directory ?? "/default"}/a`, `${directory ?? "/default"}/b`];
  },
  namedArchive: async (name, directory) => (name === "latest" ? `${directory ?? "/default"}/b` : name),
});

async function verify(...args: readonly string[]) {
  const { shell, out, err } = collectingShell();
  const code = await run(["verify", ...args], shell, useCases);
  return { code, out: out(), err: err() };
}

describe("verify on the command line", () => {
  it("says what a good archive holds and exits 0", async () => {
    expect(await verify("a")).to.deep.equal({
      code: 0,
      out: "a: good\n1.0 KiB, holding 2.0 KiB in 3 files, 1 directory.\n",
      err: "",
    });
    expect(await verify("a", "--quiet")).to.deep.equal({ code: 0, out: "", err: "" });
  });

  it("prints the report of one archive with --json", async () => {
    expect(JSON.parse((await verify("a", "--json")).out)).to.deep.equal(good("a"));
  });

  it("exits 4 for a bad archive and 10 for a missing one", async () => {
    expect(await verify("bad")).to.deep.equal({ code: 4, out: "", err: "holdstill: sha256 of x differs: bad\n" });
    expect((await verify("missing")).code).to.equal(10);
  });

  it("verifies all of several, in their order, and exits 4 if one is bad", async () => {
    expect(await verify("a", "missing", "bad", "b")).to.deep.equal({
      code: 4,
      out: "a: good, 3 files, 2.0 KiB\nb: good, 3 files, 2.0 KiB\n",
      err: "holdstill: no such archive: missing\nholdstill: sha256 of x differs: bad\n",
    });
    expect((await verify("a", "missing")).code).to.equal(10);
    expect((await verify("a", "b")).code).to.equal(0);
  });

  it("prints one document for several with --json", async () => {
    const error = { code: "bad-archive", message: "sha256 of x differs", path: "bad" };
    const { out, err } = await verify("a", "bad", "--json");
    expect(JSON.parse(out)).to.deep.equal({
      outcome: "failed",
      error,
      archives: [good("a"), { ok: false, archive: "bad", error }],
    });
    expect(err).to.equal("");
    expect(JSON.parse((await verify("a", "b", "--json")).out)).to.deep.equal({
      outcome: "verified",
      archives: [good("a"), good("b")],
    });
  });

  it("verifies every archive of a directory with --all, and fails where there is none", async () => {
    const { code, out } = await verify("--all", "--output", "/d");
    expect(code).to.equal(0);
    expect(out).to.match(/^\/d\/a: good.*\n\/d\/b: good.*\n$/);
    expect((await verify("--all")).out).to.match(/^\/default\/a: good/);
    expect((await verify("--all", "--output", "/empty")).code).to.equal(10);
  });

  it("takes `latest` for the newest archive", async () => {
    expect((await verify("latest", "--json")).out).to.include('"archive":"/default/b"');
    expect((await verify("latest", "--output", "/d", "--json")).out).to.include('"archive":"/d/b"');
  });

  it("takes names that look like options or numbers", async () => {
    expect((await verify("--quiet", "007", "1e3", "--", "--all")).code).to.equal(0);
    expect((await verify("--json", "--", "--all")).out).to.include('"archive":"--all"');
  });

  it("refuses what makes no sense, with 64", async () => {
    for (const args of [[], ["--all", "--output", "/d", "a"], ["a", "--al"]]) {
      const { code, out } = await verify(...args);
      expect({ args, code, out }).to.deep.equal({ args, code: 64, out: "" });
    }
  });

  it("stops with the reason of the signal", async () => {
    const { shell, controller, err } = collectingShell();
    let verified = 0;
    const interrupting = only({
      verify: async () => {
        verified += 1;
        controller.abort(new HoldstillError("terminated", "terminated"));
        throw new Error("The operation was aborted");
      },
    });
    expect(await run(["verify", "a", "b", "c", "d"], shell, interrupting)).to.equal(143);
    expect(err()).to.equal("holdstill: terminated\n");
    expect(verified).to.be.below(4);
  });
});
