import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { heldOpenBelow, limitIn, mostHeldOpen } from "../../lib/stage/descriptors.js";
import { fsWith, refuse } from "../helpers/port.js";
import { age, tmpDirectory, tmpTree } from "../helpers/tree.js";
import { at, frostOf } from "./frozen.js";

const LIMITS = "Limit                     Soft Limit           Hard Limit           Units\n";

function limitsOf(soft: string): string {
  return `${LIMITS}Max processes             7                    7                    processes\nMax open files            ${soft.padEnd(21)}1048576              files\n`;
}

/** A disk on which this process may have so many files open. */
function limited(soft: number): Filesystem {
  const limits = join(tmpDirectory(), "limits");
  writeFileSync(limits, limitsOf(String(soft)));
  return fsWith({ openRead: (path) => disk.openRead(path === "/proc/self/limits" ? bytesOf(limits) : path) });
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${String(index).padStart(3, "0")}.txt`);
}

describe("files that are open to be copied", () => {
  it("are as many as the process's limit allows beside all else", () => {
    expect(limitIn(limitsOf("1024"))).to.equal(1024);
    expect(limitIn(limitsOf("unlimited"))).to.equal(Infinity);
    expect(limitIn("something else\n")).to.equal(0);
    expect([0, 64, 256, 1024, Infinity].map(heldOpenBelow)).to.deep.equal([8, 16, 208, 512, 512]);
  });

  it("are few where the limit cannot be known", () => {
    expect(mostHeldOpen(limited(100))).to.equal(52);
    expect(mostHeldOpen(fsWith({ openRead: refuse("ENOENT") }))).to.equal(8);
  });

  it("are opened before the first of them is copied: what vanishes then is in the archive", async () => {
    const root = tmpTree({ a: {}, b: {} });
    const all = names(20).flatMap((name) => [`a/${name}`, `b/${name}`]);
    for (const name of all) writeFileSync(join(root, name), name);
    let copied = 0;
    const fs = fsWith({
      write(fd, data) {
        if (data.length === "a/000.txt".length && copied++ === 0) {
          rmSync(join(root, "a"), { recursive: true });
          rmSync(join(root, "b"), { recursive: true });
        }
        return disk.write(fd, data);
      },
    });
    const { found, skipped } = await frostOf(fs, root, "copy");
    expect(copied).to.be.greaterThan(0);
    expect(skipped).to.deep.equal({});
    expect(found).to.include(Object.fromEntries(all.map((name) => [name, name])));
  });

  it("are never more than that, and in the end all are copied", async () => {
    const root = tmpTree(Object.fromEntries(names(60).map((name) => [name, name])));
    mkdirSync(join(root, "sub"));
    for (const name of names(60)) writeFileSync(join(root, "sub", name), `sub/${name}`);
    age(root, 3600);
    const base = limited(60);
    const live = at(root);
    const inSub = at(join(root, "sub"));
    const open = new Set<number>();
    let most = 0;
    const fs: Filesystem = {
      ...base,
      openRead(path) {
        const fd = base.openRead(path);
        const directory = path.slice(0, path.lastIndexOf("/")) as typeof path;
        if (live(directory) || inSub(directory)) open.add(fd);
        most = Math.max(most, open.size);
        return fd;
      },
      close(fd) {
        open.delete(fd);
        base.close(fd);
      },
    };
    const { found } = await frostOf(fs, root, "copy");
    expect(Object.keys(found)).to.have.lengthOf(121);
    expect(most).to.equal(heldOpenBelow(60));
    expect([...open]).to.deep.equal([]);
  });
});
