import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import type { Filesystem } from "../../lib/filesystem.js";
import { disk } from "../../lib/filesystem.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import { catalogDirectory, saveIndex } from "../../lib/vault/catalog.js";
import { errno, interrupted, refuse } from "../helpers/port.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { contents, tmpDirectory, tmpTree } from "../helpers/tree.js";

const NAME = "a.tar";

async function* lines(): AsyncGenerator<Buffer> {
  for (const line of ["one\n", "two\n"]) yield Buffer.from(line);
}

/** An archive directory that is in use, and where the copy of the index of `a.tar` is to be. */
function vault() {
  const directory = join(tmpDirectory(), "archives");
  mkdirSync(join(directory, ".holdstill"), { recursive: true });
  const index = join(directory, ".holdstill/index");
  const save = (fs: Filesystem = disk) => saveIndex(fs, bytesOf(join(directory, NAME)), lines());
  return { directory, index, copy: join(index, `${NAME}.jsonl.gz`), save };
}

function indexIn({ archive }: CreateReport): string {
  return execFileSync("tar", ["-xOf", archive, "--wildcards", "*/holdstill/index.jsonl"], { encoding: "utf8" });
}

describe("saveIndex", () => {
  it("keeps the index under the archive's name, closed to all others, and nothing else", async () => {
    const { directory, index, copy, save } = vault();
    await save();
    expect(gunzipSync(readFileSync(copy)).toString()).to.equal("one\ntwo\n");
    expect(Object.keys(contents(index))).to.deep.equal([`${NAME}.jsonl.gz`]);
    expect(statSync(copy).mode & 0o777).to.equal(0o600);
    expect(statSync(index).mode & 0o777).to.equal(0o700);
    expect(catalogDirectory(bytesOf(directory))).to.equal(index);
  });

  it("replaces an older copy, and what a killed run left of one", async () => {
    const { index, copy, save } = vault();
    mkdirSync(index);
    writeFileSync(copy, "old");
    writeFileSync(join(index, `.${NAME}.jsonl.gz.partial`), "half");
    await save();
    expect(gunzipSync(readFileSync(copy)).toString()).to.equal("one\ntwo\n");
    expect(Object.keys(contents(index))).to.deep.equal([`${NAME}.jsonl.gz`]);
  });

  for (const operation of ["create", "write", "sync", "rename"] as const) {
    it(`leaves the older copy as it was, and nothing half done, when ${operation} fails`, async () => {
      const { index, copy, save } = vault();
      mkdirSync(index);
      writeFileSync(copy, "old");
      const { fs, came } = interrupted("before", operation, () => true, refuse("ENOSPC"));
      const error = await save(fs).then(
        () => undefined,
        (failure: unknown) => failure,
      );
      expect(came()).to.equal(true);
      expect(error).to.include({ code: "ENOSPC" });
      expect(contents(index)).to.deep.equal({ [`${NAME}.jsonl.gz`]: "old" });
    });
  }
});

describe("the copy of the index that create saves", () => {
  for (const compress of ["none", "gzip"] as const) {
    it(`is the index in the archive, byte for byte (${compress})`, async () => {
      const source = tmpTree({ a: "1\n", b: { c: "2\n" }, x: new Uint8Array(3 << 20) });
      const report = await createFrom(source, { compress });
      const [directory, name] = [join(report.archive, ".."), report.archive.slice(report.archive.lastIndexOf("/") + 1)];
      const copy = join(directory, ".holdstill/index", `${name}.jsonl.gz`);
      expect(gunzipSync(readFileSync(copy)).toString())
        .to.equal(indexIn(report))
        .and.match(/"type":"end"/);
      expect(Object.keys(contents(join(directory, ".holdstill")))).to.deep.equal([
        "index/",
        `index/${name}.json`,
        `index/${name}.jsonl.gz`,
        `index/${name}.sha256`,
      ]);
    });
  }

  it("has the digest of the archive beside it, for sha256sum", async () => {
    const { archive } = await createFrom(tmpTree({ a: "1\n" }));
    const index = join(archive, "../.holdstill/index");
    const note = `${archive.slice(archive.lastIndexOf("/") + 1)}.sha256`;
    expect(execFileSync("sha256sum", ["--check", "--strict", note], { cwd: index, encoding: "utf8" })).to.match(
      /: OK\n$/,
    );
  });

  for (const [operation, path] of [
    ["mkdir", /\/\.holdstill\/index$/],
    ["create", /\.jsonl\.gz\.partial$/],
    ["rename", /\.jsonl\.gz\.partial$/],
  ] as const) {
    it(`is not worth the archive: when ${operation} fails there is a warning, and the archive is published`, async () => {
      const source = tmpTree({ a: "1\n" });
      const { fs, came } = interrupted(
        "before",
        operation,
        (...args: readonly unknown[]) => path.test(String(args[0])),
        refuse("EIO"),
      );
      const around = surroundings({ fs });
      const report = await createFrom(source, {}, around);
      expect(came()).to.equal(true);
      expect(around.events.filter(({ type }) => type === "warning")).to.deep.equal([
        { type: "warning", message: "the copy of the index could not be saved: EIO: refused by the spec" },
      ]);
      expect(report).to.include({ outcome: "published", verified: true, complete: true });
      expect(report.warnings).to.deep.equal(["the copy of the index could not be saved: EIO: refused by the spec"]);
      expect(indexIn(report)).to.match(/"type":"end"/);
      const left = Object.keys(contents(join(report.archive, "..")));
      expect(left.filter((name) => name.includes("partial"))).to.deep.equal([]);
    });
  }

  it("is not worth the archive: when its disk is full", async () => {
    const source = tmpTree({ a: "1\n" });
    let came = false;
    const sync = async (fd: number): Promise<void> => {
      came ||= /\.jsonl\.gz\.partial$/.test(disk.readlink(bytesOf(`/proc/self/fd/${fd}`)));
      if (came) throw errno("ENOSPC");
      await disk.sync(fd);
    };
    const around = surroundings({ fs: { ...disk, sync } });
    expect(await createFrom(source, {}, around)).to.include({ outcome: "published" });
    expect(came).to.equal(true);
    expect(around.events.filter(({ type }) => type === "warning")).to.have.lengthOf(1);
  });
});

describe("the catalog", () => {
  it("loses at the next run what a dead run left unfinished in it, and nothing else", async () => {
    const source = tmpTree({ a: "a" });
    const output = join(tmpDirectory(), "archives");
    await createFrom(source, { output });
    const catalog = join(output, ".holdstill/index");
    const before = readdirSync(catalog);
    writeFileSync(join(catalog, ".x.tar.jsonl.gz.partial"), "unfinished");
    await createFrom(source, { output });
    expect(readdirSync(catalog))
      .to.have.length(2 * before.length)
      .and.to.include.members(before);
  });
});
