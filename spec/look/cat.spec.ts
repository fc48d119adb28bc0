import { chmodSync, linkSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { cat } from "../../lib/look/cat.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { fsWith } from "../helpers/port.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { contents, tmpTree } from "../helpers/tree.js";
import { catalogFile, contentOf, failure, foreignArchive, warningsOf } from "./looking.js";

/** A disk that nothing can be written to. */
function readOnly(): Filesystem {
  const refuse = (): never => {
    throw new Error("something was written");
  };
  return fsWith({ create: refuse, write: refuse, writeAsync: refuse, mkdir: refuse, rename: refuse, link: refuse });
}

const BINARY = String.fromCharCode(...Array.from({ length: 256 }, (_, index) => index)).repeat(2048);

describe("cat", () => {
  for (const compress of ["none", "gzip"] as const) {
    it(`hands over the bytes of a file as they are, and writes nothing (${compress})`, async () => {
      const source = tmpTree({ "a.txt": "a", empty: "", m: { "x.bin": Buffer.from(BINARY, "latin1") } });
      const { archive } = await createFrom(source, { compress });
      for (const around of [surroundings({ fs: readOnly() }), surroundings({ fs: readOnly() })]) {
        expect(await contentOf(archive, "m/x.bin", around)).to.equal(BINARY);
        expect(await contentOf(archive, join(source, "empty"), around)).to.equal("");
        rmSync(join(dirname(archive), ".holdstill"), { recursive: true, force: true });
      }
      const untold = surroundings();
      await contentOf(archive, "a.txt", untold);
      expect(warningsOf(untold)).to.have.lengthOf(1);
      expect(Object.keys(contents(dirname(archive)))).to.have.lengthOf(1);
    });
  }

  it("reads no further than the file where the catalog tells its digest", async () => {
    const { archive } = await createFrom(tmpTree({ "a.txt": "a", "z.bin": Buffer.alloc(8 << 20, 7) }));
    let furthest = 0;
    const fs = fsWith({
      readAsync: async (fd, buffer, offset, length, position) => {
        if (disk.readlink(`/proc/self/fd/${fd}` as never) === archive) furthest = Math.max(furthest, position);
        return disk.readAsync(fd, buffer, offset, length, position);
      },
    });
    expect(await contentOf(archive, "a.txt", surroundings({ fs }))).to.equal("a");
    expect(furthest).to.be.below(4 << 20);
  });

  it("follows a hard link to the file that it repeats, with a catalog and without", async () => {
    const source = tmpTree({ "b.txt": "twice" });
    linkSync(join(source, "b.txt"), join(source, "c.txt"));
    const { archive } = await createFrom(source);
    expect(await contentOf(archive, "c.txt")).to.equal("twice");
    rmSync(catalogFile(archive, "json"));
    expect(await contentOf(archive, "c.txt")).to.equal("twice");
    expect(await contentOf(foreignArchive(), "b.txt")).to.equal("zz");
  });

  it("is bad when the bytes are not those that were backed up", async () => {
    const { archive } = await createFrom(tmpTree({ "a.txt": "the very bytes" }));
    const before = disk.lstat(archive as never);
    chmodSync(archive, 0o600);
    const bytes = readFileSync(archive, "latin1");
    writeFileSync(archive, bytes.replace("the very bytes", "the evil bytes"), "latin1");
    disk.utimes(archive as never, 0, Number(before.mtimeNs) / 1e9);
    const summary = catalogFile(archive, "json");
    // utimes has microseconds: the catalog is made to fit, as if a disk had flipped the bits.
    const mtimeNs = String(disk.lstat(archive as never).mtimeNs);
    const fs = fsWith({
      lstat: (path) => ({ ...disk.lstat(path), ...(path === archive && { mtimeNs: before.mtimeNs }) }),
    });
    expect(readFileSync(summary, "utf8")).to.include(String(before.mtimeNs)).and.not.equal(mtimeNs);
    const { code, message } = await failure(contentOf(archive, "a.txt", surroundings({ fs })));
    expect([code, message]).to.deep.equal(["bad-archive", "the sha256 of a.txt differs from its index"]);
  });

  it("stops when nobody reads any more", async () => {
    const { archive } = await createFrom(tmpTree({ "a.bin": Buffer.alloc(8 << 20, 7) }));
    let taken = 0;
    await cat(archive, "a.bin", surroundings(), {
      begin: () => undefined,
      take: async () => {
        taken += 1;
        return false;
      },
    });
    expect(taken).to.equal(1);
  });

  it("says what is not a file, what is not there, and what was left out", async () => {
    const [one, two] = [tmpTree({ a: "1", d: {}, "x.log": "" }), tmpTree({ a: "2" })];
    symlinkSync("a", join(one, "l"));
    const { archive } = await createFrom(one, { sources: [one, two], exclude: ["*.log"] });
    const refusals: readonly (readonly [string, string, RegExp])[] = [
      ["d", "usage", /^d is a directory$/],
      ["l", "usage", /is a symbolic link to a$/],
      ["a", "usage", /more than one file/],
      ["missing", "no-entry", /nothing in the archive at missing$/],
      ["*", "no-entry", /nothing in the archive at \*$/],
      ["x.log", "no-entry", /^x\.log is not in the archive \(excluded by \*\.log\)$/],
    ];
    for (const [path, code, message] of refusals) {
      const error = await failure(contentOf(archive, path));
      expect(error.code, path).to.equal(code);
      expect(error.message).to.match(message);
    }
    expect((await failure(contentOf(archive, "a"))).hint)
      .to.include(join(one, "a"))
      .and.include(join(two, "a"));
    expect(await contentOf(archive, join(two, "a"))).to.equal("2");
  });
});
