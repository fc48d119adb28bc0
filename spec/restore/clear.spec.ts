import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { disk } from "../../lib/filesystem.js";
import { clearDirectory } from "../../lib/restore/clear.js";
import { fsWith } from "../helpers/port.js";
import { link, tmpTree, writeTree } from "../helpers/tree.js";

describe("emptying a directory", () => {
  it("keeps one file of it, and what links lead to", () => {
    const outside = tmpTree({ "o.txt": "o" });
    const root = tmpTree({ kept: "k", d: { kept: "no", out: link(outside) }, ".holdstill-2": {}, out: link(outside) });
    writeTree(join(root, "e/f/g"), { "x.txt": "x" });
    clearDirectory(disk, bytesOf(root), bytesOf("kept"));
    expect(readdirSync(root)).to.deep.equal(["kept"]);
    expect(readdirSync(outside)).to.deep.equal(["o.txt"]);
  });

  it("has no more than two directories open, however deep they lie", () => {
    const root = tmpTree({});
    const deep = join(root, "d/".repeat(300));
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(deep, "x"), "");
    chmodSync(join(root, "d/d"), 0);
    let [open, most] = [0, 0];
    const fs = fsWith({
      openDirectory(path) {
        most = Math.max(most, ++open);
        return disk.openDirectory(path);
      },
      close(fd) {
        open--;
        disk.close(fd);
      },
    });
    clearDirectory(fs, bytesOf(root), bytesOf("kept"));
    expect({ left: readdirSync(root), open, most }).to.deep.equal({ left: [], open: 0, most: 2 });
  });
});
