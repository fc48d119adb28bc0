import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, linkSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execPath, getuid } from "node:process";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import { afterTheFreeze, told } from "../helpers/freeze.js";
import { errno, fsWith, refuse } from "../helpers/port.js";
import { createFrom, extracted } from "../helpers/run.js";
import { age, tmpTree } from "../helpers/tree.js";

const AT_REST = 3_600;

describe("archiving a file that is never quiet", () => {
  it("publishes the archive all the same, incomplete, and says which file it is", async () => {
    const source = tmpTree({ restless: "a", still: "b" });
    const { ino } = statSync(join(source, "restless"));
    let round = 0;
    const readAsync: Filesystem["readAsync"] = (fd, ...rest) => {
      if (disk.fstat(fd).ino === ino)
        writeFileSync(join(source, "restless"), "abcdefghijklmnopqrst".charAt(round++ % 20));
      return disk.readAsync(fd, ...rest);
    };
    age(source, AT_REST);
    const rewrite = afterTheFreeze(() => writeFileSync(join(source, "restless"), "z"));
    const report = await createFrom(source, { strategy: "link" }, { fs: fsWith({ readAsync }), ...rewrite });
    expect(report).to.deep.include({ complete: false, unstable: [{ path: "restless", source: 0 }] });
    expect(told(report, source)).to.deep.equal({ restless: "unstable: 1 t", still: "exact: 1 b" });
  });

  /** The letters of a text, once for each run of them. */
  function runsOf(text: string): string[] {
    const runs: string[] = [];
    for (const letter of text) if (letter !== runs.at(-1)) runs.push(letter);
    return runs;
  }

  const LETTERS = "abcdefghijklmnopqrstuvwxyza";
  const WRITER = `
    const { openSync, writeSync } = require("node:fs");
    const fd = openSync(process.argv[1], "r+");
    const chunk = Buffer.alloc(1 << 16);
    for (let version = 0; ; version++) {
      chunk.fill(97 + (version % 26));
      for (let at = 0; at < Number(process.argv[2]); at += chunk.length) writeSync(fd, chunk, 0, chunk.length, at);
      if (version === 1) process.stdout.write("running");
    }`;

  for (const strategy of ["link", "copy"] as const) {
    it(`never takes a mixture for one moment's bytes beside a program that writes without a pause (${strategy})`, async () => {
      const size = 8 << 20;
      const source = tmpTree({ "large.bin": "a".repeat(size) });
      const writer = spawn(execPath, ["-e", WRITER, join(source, "large.bin"), String(size)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = once(writer, "exit");
      try {
        await once(writer.stdout, "data");
        const report = await createFrom(source, { strategy });
        const { "large.bin": text = "" } = extracted(report, source);
        // What the file is at any one moment: the beginning of one version, and the rest of the version before.
        const [newer = "", older = newer, ...others] = runsOf(text);
        const isMoment =
          text.length === size && others.length === 0 && (older === newer || LETTERS.includes(older + newer));
        expect(isMoment || report.verdicts.unstable === 1, "a mixture that is not called unstable").to.equal(true);
        expect(report.complete).to.equal(report.verdicts.unstable === 0);
      } finally {
        writer.kill("SIGKILL");
        await ended;
      }
    });
  }
});

describe("archiving a file that cannot be read any more", () => {
  it("leaves it out, and its other names, and archives the rest", async () => {
    const source = tmpTree({ first: "secret", rest: "b" });
    linkSync(join(source, "first"), join(source, "second"));
    age(source, AT_REST);
    const { ino } = statSync(join(source, "first"));
    let hidden = false;
    const openRead: Filesystem["openRead"] = (path) =>
      hidden && disk.lstat(path).ino === ino ? refuse("EACCES")() : disk.openRead(path);
    const chmod = afterTheFreeze(() => (hidden = true));
    const report = await createFrom(source, { strategy: "link" }, { fs: fsWith({ openRead }), ...chmod });
    expect(report.complete).to.equal(false);
    expect(report.skipped).to.deep.equal([
      { path: "first", source: 0, reason: "unreadable", detail: "EACCES" },
      { path: "second", source: 0, reason: "unreadable", detail: "it could not be read by its other name" },
    ]);
    expect(told(report, source)).to.deep.equal({ rest: "exact: 1 b" });
  });

  it("is one whose disk fails after its header was written, and archiving starts again without it", async () => {
    const source = tmpTree({ big: "x".repeat(3 << 20), rest: "b" });
    age(source, AT_REST);
    let failed = 0;
    const readAsync: Filesystem["readAsync"] = async (fd, buffer, offset, length, position) => {
      if (position === 1 << 20) {
        failed++;
        throw errno("EBADMSG");
      }
      return disk.readAsync(fd, buffer, offset, length, position);
    };
    const report = await createFrom(source, { strategy: "link" }, { fs: fsWith({ readAsync }) });
    expect(failed).to.equal(1);
    expect(report.skipped).to.deep.equal([{ path: "big", source: 0, reason: "unreadable", detail: "EBADMSG" }]);
    expect(report.complete).to.equal(false);
    expect(told(report, source)).to.deep.equal({ rest: "exact: 1 b" });
  });

  const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));
  const nobody = getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

  it("exits 3 where its owner took every right from himself", function () {
    const source = tmpTree({ mine: "secret", rest: "b" });
    chmodSync(join(source, "mine"), 0);
    if (nobody.uid !== undefined) {
      if (spawnSync(execPath, ["--check", MAIN], nobody).status !== 0) this.skip();
      for (const path of ["..", ".", "mine", "rest"]) chownSync(join(source, path), nobody.uid, nobody.gid);
    }
    const output = join(dirname(source), "archives");
    const args = [MAIN, "create", "--source", source, "--output", output, "--strategy", "link", "--json"];
    const { status, stdout } = spawnSync(execPath, args, { ...nobody, env: {}, encoding: "utf8" });
    const report = JSON.parse(stdout) as CreateReport;
    expect({ status, skipped: report.skipped, files: report.counts.files }).to.deep.equal({
      ...{ status: 3, files: 1 },
      skipped: [{ path: "mine", source: 0, reason: "unreadable", detail: "EACCES" }],
    });
  });
});
