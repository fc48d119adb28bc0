import { spawnSync } from "node:child_process";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { createFrom } from "../helpers/run.js";
import { contents, tmpDirectory, tmpTree } from "../helpers/tree.js";

const PROGRAM = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));
const NOBODY = 65_534;

describe("the mark of a partial restore", () => {
  it("is known for one's own by a user without privileges", async function () {
    const nobody = { uid: NOBODY, gid: NOBODY };
    // Only root can become another user, who may not be able to run this Node.
    if (process.getuid?.() !== 0 || spawnSync(process.execPath, ["--version"], nobody).status !== 0) this.skip();
    const source = tmpTree({ "a.txt": "a" });
    const { archive } = await createFrom(source);
    const home = tmpDirectory();
    const target = join(home, "target");
    mkdirSync(target);
    writeFileSync(join(target, ".holdstill-partial"), "", { mode: 0o600 });
    for (const path of [archive, join(archive, ".."), join(archive, "../.."), home]) chownSync(path, NOBODY, NOBODY);
    for (const path of [target, join(target, ".holdstill-partial")]) chownSync(path, NOBODY, NOBODY);
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, "restore", archive, "--target", target], {
      ...{ ...nobody, cwd: home, encoding: "utf8" as const },
      env: { PATH: process.env["PATH"], HOME: home },
    });
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    expect(contents(join(target, source))).to.deep.equal({ "a.txt": "a" });
  });
});
