import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { HoldstillError } from "../../lib/errors.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { createPartial, removeDeadPartials } from "../../lib/vault/partial.js";
import { errno, fsWith, interrupted, refuse } from "../helpers/port.js";
import { createFrom } from "../helpers/run.js";
import { contents, tmpDirectory, tmpTree } from "../helpers/tree.js";

const NAME = "a.tar";
const STAMPED = ".2026-11-23T14-29-40.781Z-directory-label.tar.zst.partial";

function begin(fs: Filesystem = disk) {
  const directory = tmpDirectory();
  const path = join(directory, `.${NAME}.partial`);
  return { directory, path, create: () => createPartial(fs, bytesOf(directory), NAME) };
}

async function failure(work: () => unknown): Promise<HoldstillError> {
  try {
    await work();
  } catch (error) {
    expect(error).to.be.instanceOf(HoldstillError);
    return error as HoldstillError;
  }
  return expect.fail("it did not fail");
}

describe("createPartial", () => {
  const parts = ["one ", "two ", "three"].map((text) => Buffer.from(text));

  it("holds what was written, under a name that no archive has, closed to all others", async () => {
    const { path, create } = begin();
    const umask = process.umask(0);
    const partial = create();
    process.umask(umask);
    await pipeline(Readable.from(parts), partial.stream());
    await partial.sync();
    const sha256 = createHash("sha256").update("one two three").digest("hex");
    expect(readFileSync(path, "utf8")).to.equal("one two three");
    expect(partial.written()).to.deep.equal({ bytes: 13, sha256 });
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    partial.remove();
    expect(existsSync(path)).to.equal(false);
  });

  it("writes everything where the disk takes a few bytes at a time", async () => {
    const { path, create } = begin(fsWith({ writeAsync: (fd, data) => disk.writeAsync(fd, data.subarray(0, 3)) }));
    const partial = create();
    await pipeline(Readable.from(parts), partial.stream());
    await partial.sync();
    expect(readFileSync(path, "utf8")).to.equal("one two three");
  });

  it("can be removed before it was synced, and twice", async () => {
    const { path, create } = begin();
    const partial = create();
    partial.remove();
    expect(existsSync(path)).to.equal(false);
    expect(() => partial.remove()).not.to.throw();
  });

  for (const [operation, code, meaning] of [
    ["create", "ENOSPC", "no-space"],
    ["create", "EACCES", "output-unusable"],
    ["create", "EIO", "output-unusable"],
    ["writeAsync", "ENOSPC", "no-space"],
    ["writeAsync", "EDQUOT", "no-space"],
    ["writeAsync", "EIO", "output-unusable"],
    ["sync", "ENOSPC", "no-space"],
    ["sync", "EIO", "output-unusable"],
  ] as const) {
    it(`says ${meaning} with its path when ${operation} fails with ${code}`, async () => {
      const { fs, came } = interrupted("before", operation, () => true, refuse(code));
      const { path, create } = begin(fs);
      const error = await failure(async () => {
        const partial = create();
        try {
          await pipeline(Readable.from(parts), partial.stream());
          await partial.sync();
        } finally {
          partial.remove();
        }
      });
      expect(came()).to.equal(true);
      expect(error).to.include({ code: meaning, path });
      expect(error.hint).to.include("--output");
      expect(existsSync(path)).to.equal(false);
    });
  }

  it("fails where the disk takes half of a block and then no more", async () => {
    let calls = 0;
    const writeAsync: Filesystem["writeAsync"] = async (fd, data) => {
      if (++calls > 1) throw errno("ENOSPC");
      return disk.writeAsync(fd, data.subarray(0, 2));
    };
    const partial = begin(fsWith({ writeAsync })).create();
    const error = await failure(() => pipeline(Readable.from(parts), partial.stream()));
    expect(error.code).to.equal("no-space");
    expect(calls).to.equal(2);
    partial.remove();
  });
});

describe("removeDeadPartials", () => {
  const DEAD = [".a.tar.partial", ".b.tar.gz.partial", ".b.tgz.partial", ".c.tar.zst.partial", ".c.tzst.partial"];
  const DEAD_TOO = [".a.tar.index.partial", ".c.tar.zst.index.partial", ".c.tar.zst.age.partial", ".x y\n.tar.partial"];
  const OTHERS = ["a.tar", "a.tar.partial", ".a.partial", ".a.tar", ".a.txt.partial", ".partial", "..partial"];

  it("removes the partial archives and indexes, says which, and touches nothing else", () => {
    const directory = tmpTree(Object.fromEntries([...DEAD, ...DEAD_TOO, ...OTHERS].map((name) => [name, "x"])));
    for (const name of [...DEAD, ...DEAD_TOO]) chmodSync(join(directory, name), 0o600);
    const removed = removeDeadPartials(disk, bytesOf(directory));
    expect(removed.sort()).to.deep.equal([...DEAD, ...DEAD_TOO].map((name) => join(directory, name)).sort());
    expect(Object.keys(contents(directory)).sort()).to.deep.equal([...OTHERS].sort());
  });

  it("leaves a file that others may read, unless its name is one that only holdstill gives", () => {
    const directory = tmpTree({ ".mine.tar.gz.partial": "mine", [STAMPED]: "half" });
    for (const name of readdirSync(directory)) chmodSync(join(directory, name), 0o644);
    expect(removeDeadPartials(disk, bytesOf(directory))).to.deep.equal([join(directory, STAMPED)]);
    expect(contents(directory)).to.deep.equal({ ".mine.tar.gz.partial": "mine" });
  });

  it("touches neither directories nor links of such names", () => {
    const directory = tmpTree({ kept: "kept" });
    mkdirSync(join(directory, ".a.tar.partial"));
    symlinkSync("kept", join(directory, ".b.tar.partial"));
    const before = contents(directory);
    expect(removeDeadPartials(disk, bytesOf(directory))).to.deep.equal([]);
    expect(contents(directory)).to.deep.equal(before);
  });
});

describe("the archive directory of a run", () => {
  it("is rid of the partial archives that dead runs left there", async () => {
    const output = tmpTree({
      [STAMPED]: "half",
      [STAMPED.replace(/.partial$/, ".index.partial")]: "half",
      "old.tar": "whole",
    });
    const { archive } = await createFrom(tmpTree({ a: "1\n" }), { output });
    const names = Object.keys(contents(output)).filter((name) => !name.startsWith(".holdstill"));
    expect(names.sort()).to.deep.equal([archive.slice(output.length + 1), "old.tar"].sort());
  });

  it("keeps the partial archive of a run that is alive when another is refused", async () => {
    const [source, output] = [tmpTree({ a: "1\n" }), join(tmpDirectory(), "archives")];
    let second: Promise<unknown> = Promise.resolve();
    const isPartial = (path: string): boolean => path.endsWith(".tar.partial");
    const { fs, came } = interrupted("after", "create", isPartial, () => {
      writeFileSync(join(output, ".witness.tar.partial"), "");
      second = failure(() => createFrom(source, { output }));
    });
    await createFrom(source, { output }, { fs });
    expect(came()).to.equal(true);
    expect(await second).to.include({ code: "locked" });
    expect(existsSync(join(output, ".witness.tar.partial"))).to.equal(true);
  });
});
