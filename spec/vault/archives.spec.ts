import { closeSync, openSync, rmSync, symlinkSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { listArchives, namedArchive } from "../../lib/vault/archives.js";
import { entry, tar } from "../helpers/raw-tar.js";
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
    writeFileSync(join(output, "other.tar.gz"), gzipSync(tar(entry("photos/a.jpg", "a"))));
    writeFileSync(join(output, "notes.txt"), "no tar");
    const around = surroundings();
    const found = await listArchives(output, around);
    expect(found.map((path) => basename(path))).to.deep.equal([...made, named].map((path) => basename(path)));
    expect(await namedArchive("latest", output, around)).to.equal(named);
  });

  it("holds what is damaged too, which is the latest where its name is", async () => {
    const output = join(tmpDirectory(), "archives");
    const source = tmpTree({ "a.txt": "a" });
    const made: string[] = [];
    for (const day of [1, 2, 3, 4]) {
      const now = (): number => Date.parse(`2026-01-0${day}T12:00:00Z`);
      made.push((await createFrom(source, { output, compress: "gzip" }, { now })).archive);
    }
    rmSync(join(output, ".holdstill"), { recursive: true });
    const [emptied = "", cut = "", overwritten = "", flipped = ""] = made;
    truncateSync(emptied, 0);
    truncateSync(cut, 100);
    const damage = (path: string, at: number, bytes: Buffer): void => {
      const file = openSync(path, "r+");
      writeSync(file, bytes, 0, bytes.length, at);
      closeSync(file);
    };
    damage(overwritten, 0, Buffer.alloc(64, "x"));
    damage(flipped, 12, Buffer.alloc(1, 0xff));
    expect(await listArchives(output, surroundings())).to.deep.equal(made);
    expect(await namedArchive("latest", output, surroundings())).to.equal(flipped);
  });

  it("holds archives that cannot be decompressed here", async () => {
    const output = join(tmpDirectory(), "archives");
    const { archive } = await createFrom(tmpTree({ "a.txt": "a" }), { output, compress: "zstd" });
    rmSync(join(output, ".holdstill"), { recursive: true });
    expect(await listArchives(output, surroundings({ env: { PATH: "" } }))).to.deep.equal([archive]);
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
    const loop = join(tmpDirectory(), "loop");
    symlinkSync("loop", loop);
    for (const directory of [undefined, tmpDirectory(), join(tmpDirectory(), "gone"), loop, "x".repeat(256)]) {
      const failure = await listArchives(directory, around).catch((error: unknown) => error);
      expect(failure).to.include({ code: "no-archive" });
    }
  });

  describe("names archives", () => {
    async function three() {
      const output = join(tmpDirectory(), "archives");
      const source = tmpTree({ "a.txt": "a" });
      const paths: string[] = [];
      for (const name of ["abc.tar", "abd.tar", "abd.tar.gz"]) {
        paths.push((await createFrom(source, { output: join(output, name), compress: "auto" })).archive);
      }
      return { output, paths } as const;
    }

    it("by a beginning that no other name has, by the whole name, and by their path", async () => {
      const { output, paths } = await three();
      const around = surroundings({ cwd: output });
      expect(await namedArchive("abc", output, around)).to.equal(paths[0]);
      expect(await namedArchive("abd.tar", output, around)).to.equal(paths[1]);
      expect(await namedArchive("./abc", output, around)).to.equal(join(output, "abc"));
      expect(await namedArchive("abc.tar", undefined, around)).to.equal(paths[0]);
    });

    it("and lists those that a beginning may mean", async () => {
      const { output } = await three();
      const error = await namedArchive("abd.t", output, surroundings()).catch((cause: unknown) => cause);
      expect(error).to.include({ code: "usage", hint: "Name one of them: abd.tar, abd.tar.gz" });
    });

    it("and says where there is none", async () => {
      const { output } = await three();
      writeFileSync(join(output, "notes.txt"), "");
      for (const name of ["x", "notes", ".holdstill"]) {
        const error = await namedArchive(name, output, surroundings()).catch((cause: unknown) => cause);
        expect(error).to.include({ code: "no-archive", path: output });
      }
    });

    it("and never by an empty name, which may be that of a variable", async () => {
      const { archive } = await createFrom(tmpTree({ b: "b" }), { output: join(tmpDirectory(), "one") });
      const error = await namedArchive("", join(archive, ".."), surroundings()).catch((cause: unknown) => cause);
      expect(error).to.include({ code: "usage" });
    });

    it("by their beginning even when they are damaged, so that they are called bad and not missing", async () => {
      const { output, paths } = await three();
      writeFileSync(paths[0] ?? "", "");
      expect(await namedArchive("abc", output, surroundings())).to.equal(paths[0]);
    });

    it("and takes the newest for latest, whatever its name", async () => {
      const { output } = await three();
      const { archive } = await createFrom(tmpTree({ b: "b" }), { output });
      expect(await namedArchive("latest", output, surroundings())).to.equal(archive);
    });
  });
});
