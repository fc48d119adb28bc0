import { chownSync } from "node:fs";
import { getuid } from "node:process";
import { expect } from "chai";
import { disk } from "../../lib/filesystem.js";
import { errno, fsWith } from "../helpers/port.js";
import { createFrom } from "../helpers/run.js";
import { tmpTree } from "../helpers/tree.js";

describe("where there is no /proc", () => {
  const fs = fsWith({
    lstat(path) {
      if (path.startsWith("/proc/")) throw errno("ENOENT");
      return disk.lstat(path);
    },
  });

  it("is captured what belongs to the same user", async () => {
    const report = await createFrom(tmpTree({ "a.txt": "a" }), {}, { fs });
    expect(report).to.include({ complete: true });
    expect(report.counts.files).to.equal(1);
  });

  it("root refuses what belongs to another user", async function () {
    if (getuid?.() !== 0) this.skip();
    const source = tmpTree({ "a.txt": "a" });
    chownSync(source, 65_534, 65_534);
    const failure = await createFrom(source, {}, { fs }).catch((error: unknown) => error);
    expect(failure).to.include({ code: "usage", path: source });
  });
});
