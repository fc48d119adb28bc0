import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { treeSync, type TreeSync } from "../../lib/restore/sync.js";
import { fsWith } from "../helpers/port.js";
import { tmpDirectory, tmpTree } from "../helpers/tree.js";

const LIB = fileURLToPath(new URL("../../lib", import.meta.url));
const MANY_FILES = 200;
const MANY_BYTES = 100 << 20;

/** A tree of two files, and a program in place of `sync` that writes down what it was asked. */
function tried({ exitCode = 0, seconds = 0, name = "sync" } = {}) {
  const bin = tmpDirectory();
  const calls = join(bin, "calls");
  writeFileSync(calls, "");
  writeFileSync(join(bin, "sync"), `#!/bin/sh\necho "$*" >> ${calls}\nsleep ${seconds}\nexit ${exitCode}\n`, {
    mode: 0o755,
  });
  const root = tmpTree({ a: "1", b: "2" });
  const synced: number[] = [];
  const sync = async (fd: number): Promise<void> => void synced.push(fd);
  const program = join(bin, name);
  const tree: TreeSync = treeSync(fsWith({ sync }), bytesOf(root), program);
  return { tree, root, program, synced, calls: () => readFileSync(calls, "utf8").split("\n").filter(Boolean) };
}

describe("the sync of a restored tree", () => {
  it("has the disk work while more is written, once at a time, and once again in the end", async () => {
    const { tree, root, calls, synced } = tried();
    tree.wrote(MANY_BYTES - 1);
    tree.wrote(1);
    tree.wrote(MANY_BYTES);
    await tree.finish(MANY_FILES);
    expect(calls()).to.deep.equal([`-f -- ${root}`, `-f -- ${root}`]);
    tree.wrote(1);
    await tree.finish(MANY_FILES);
    expect(calls()).to.have.length(4);
    expect(synced).to.deep.equal([]);
  });

  it("asks each file where few were written, and where there is no such program", async () => {
    const few = tried();
    await few.tree.finish(MANY_FILES - 1);
    expect(few.calls()).to.deep.equal([]);
    const missing = tried({ name: "no-such-program" });
    missing.tree.wrote(MANY_BYTES);
    await missing.tree.finish(MANY_FILES);
    for (const { synced } of [few, missing]) expect(synced).to.have.length(3);
  });

  it("asks each file where the disk has told an error early, which it would not tell again", async () => {
    const { tree, calls, synced } = tried({ exitCode: 1 });
    tree.wrote(MANY_BYTES);
    await tree.finish(MANY_FILES);
    expect(calls()).to.have.length(1);
    expect(synced).to.have.length(3);
  });

  it("keeps nobody waiting who is interrupted while the disk works", async () => {
    const { root, program, calls } = tried({ seconds: 20 });
    const interrupted = `
      import { disk } from "${LIB}/filesystem.js";
      import { treeSync } from "${LIB}/restore/sync.js";
      treeSync(disk, "${root}", "${program}").wrote(${MANY_BYTES});`;
    const { status, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", interrupted], {
      timeout: 15_000,
    });
    expect({ status, signal }).to.deep.equal({ status: 0, signal: null });
    while (calls().length === 0) await setTimeout(10);
  });
});
