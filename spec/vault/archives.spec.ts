import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { listArchives, namedArchive } from "../../lib/vault/archives.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { tmpDirectory, tmpTree } from "../helpers/tree.js";

describe("an archive directory", () => {
  it("holds what begins like an archive, whatever its name, the newest last", async () => {
    const source = tmpTree({ "a.txt": "a" });
    const output = join(tmpDirectory(), "archives");
    const made: string[] = [];
    for (const compress of ["zstd", "gzip", "none"] as const) {
      made.push((await createFrom(source, { output, compress, label: compress })).archive);
    }
    const named = (await createFrom(source, { output: join(output, "zz.tgz"), compress: "auto" })).archive;
    writeFileSync(join(output, "other.tar.gz"), gzipSync("no tar"));
    writeFileSync(join(output, "notes.tar"), "no tar either");
    const around = surroundings();
    const found = await listArchives(output, around);
    expect(found.map((path) => basename(path))).to.deep.equal([...made, named].map((path) => basename(path)));
    expect(await namedArchive("latest", output, around)).to.equal(named);
    expect(await namedArchive("x.tar", output, around)).to.equal("x.tar");
  });

  it("is the default one of a profile where none is named", async () => {
    const source = tmpTree({ "a.txt": "a" });
    const around = surroundings();
    const output = join(around.homedir, ".local/share/holdstill/directory");
    const { archive } = await createFrom(source, { output });
    expect(await listArchives(undefined, around)).to.deep.equal([archive]);
  });

  it("is an error where there is none, or no archive in it", async () => {
    const around = surroundings();
    for (const directory of [undefined, tmpDirectory(), join(tmpDirectory(), "gone")]) {
      const failure = await listArchives(directory, around).catch((error: unknown) => error);
      expect(failure).to.include({ code: "no-archive" });
    }
  });
});
