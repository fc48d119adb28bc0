import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { HoldstillError } from "../lib/errors.js";
import { restore } from "../lib/restore.js";
import { restoreLines } from "../lib/report/restore-text.js";
import { printable } from "../lib/report/printable.js";
import { foreign, hostileArchives, inState, stored } from "./helpers/hostile-archives.js";
import { fsWith } from "./helpers/port.js";
import { restoreInto } from "./helpers/restored.js";
import { surroundings } from "./helpers/run.js";
import { contents, tmpDirectory } from "./helpers/tree.js";

/** A directory with something to lose, and the way to a target beside it. */
function world() {
  const directory = tmpDirectory();
  const victim = join(directory, "victim");
  mkdirSync(victim);
  writeFileSync(join(victim, "secret"), "secret\n");
  return { directory, victim, target: join(directory, "target"), archive: join(directory, "archive") };
}

describe("restore of hostile archives", () => {
  it("lets none of a corpus do anything outside of the target, or surprising inside", async () => {
    const { victim } = world();
    const corpus = Object.entries(await hostileArchives(victim));
    expect(corpus.length).to.be.above(35);
    for (const [tried, hostile] of corpus) {
      const directory = tmpDirectory();
      const [target, archive] = [join(directory, "target"), join(directory, "archive")];
      writeFileSync(archive, hostile.bytes);
      let outcome: unknown = "refused";
      try {
        const report = await restore(restoreInto(target, { archive }), surroundings());
        outcome = report.complete ? 0 : 3;
        expect(restoreLines(report).map(printable).join(), tried).not.to.match(/\p{Cc}/u);
      } catch (error) {
        expect(error, tried).to.be.instanceOf(HoldstillError).with.property("code", "bad-archive");
      }
      expect(outcome, tried).to.equal(hostile.outcome);
      expect(contents(victim), tried).to.deep.equal({ secret: "secret\n" });
      expect(lstatSync(join(victim, "secret")).nlink, tried).to.equal(1);
      const left = hostile.outcome === "refused" ? [] : ["target"];
      expect(readdirSync(directory).sort(), tried).to.deep.equal(["archive", ...left]);
      if (outcome !== "refused") expect(oddities(target), tried).to.deep.equal([]);
    }
  });

  it("strips setuid and setgid, counts it, and keeps it where that is asked for", async () => {
    const { target, archive, directory } = world();
    writeFileSync(
      archive,
      foreign(inState("/su", { mode: "0006755\0" }, "x"), inState("/d", { typeflag: "5", mode: "0006755\0" })),
    );
    const { withheld } = await restore(restoreInto(target, { archive }), surroundings());
    expect(withheld.setuid).to.equal(2);
    for (const name of ["su", "d"]) {
      expect(lstatSync(join(target, "srv/state", name)).mode & 0o7777, name).to.equal(0o755);
    }
    const kept = join(directory, "kept");
    const report = await restore(restoreInto(kept, { archive, keepSetuid: true }), surroundings());
    expect(report.withheld.setuid).to.equal(0);
    expect(lstatSync(join(kept, "srv/state/su")).mode & 0o7777).to.equal(0o6755);
  });

  it("names what it never makes, and what the disk refuses, restores the rest and is incomplete", async () => {
    const { target, archive } = world();
    writeFileSync(archive, foreign(inState("/fifo", { typeflag: "6" }), inState(`/${"n".repeat(300)}`, {}, "x")));
    const { skipped, failed, complete, counts } = await restore(restoreInto(target, { archive }), surroundings());
    expect({ complete, files: counts.files }).to.deep.equal({ complete: false, files: 1 });
    expect(skipped).to.deep.equal([{ path: "srv/state/fifo", reason: "no file, directory or link" }]);
    expect(failed).to.deep.equal([{ path: `srv/state/${"n".repeat(300)}`, reason: "ENAMETOOLONG" }]);
    expect(readFileSync(join(target, "srv/state/good.txt"), "utf8")).to.equal("good\n");
  });

  it("restores paths that are longer than any that can be named, and can remove them again", async () => {
    const { target, archive, directory } = world();
    const deep = `${"d".repeat(200)}/`.repeat(30);
    writeFileSync(archive, foreign(inState(`/${deep}x`, { mode: "0000600\0" }, "x")));
    const controller = new AbortController();
    const ended = new HoldstillError("interrupted", "interrupted");
    const sync = async (): Promise<void> => {
      controller.abort(ended);
      throw ended;
    };
    const around = surroundings({ fs: fsWith({ sync }), signal: controller.signal });
    expect(await restore(restoreInto(target, { archive }), around).catch((error: unknown) => error)).to.equal(ended);
    expect(existsSync(join(target, ".holdstill-partial"))).to.equal(true);
    const files = (): string[] => execFileSync("find", [directory, "-name", "x"], { encoding: "utf8" }).split("\n");
    expect(files()[0]).to.have.length.above(6000);

    const mark = join(target, ".holdstill-partial");
    const { owner, ...rest } = JSON.parse(readFileSync(mark, "utf8")) as { owner: object };
    writeFileSync(mark, JSON.stringify({ ...rest, owner: { ...owner, startTime: "1" } }));
    mkdirSync(join(target, ".holdstill-1"));
    expect(await restore(restoreInto(target, { archive }), surroundings())).to.include({ complete: true });
    expect(files()).to.have.lengthOf(2);
    expect(readdirSync(target)).to.deep.equal(["srv"]);
    // Node's own removal names whole paths.
    execFileSync("rm", ["-rf", target]);
  });

  it("refuses or restores any archive of random names and kinds without leaving the target", async function () {
    const parts = fc.constantFrom("a", "b", "A", "..", ".", "", "c\\d", "\x1b[2J", "é", "way");
    const names = fc.array(parts, { minLength: 1, maxLength: 4 }).map((path) => path.join("/"));
    const entries = fc.record({
      name: names,
      to: fc.oneof(names, fc.constant("VICTIM"), fc.constant("VICTIM/secret")),
      typeflag: fc.constantFrom("0", "0", "0", "1", "2", "2", "3", "5", "5", "6", "7", "S"),
      mode: fc.constantFrom("0000644\0", "0006755\0", "0000000\0", "0001777\0"),
      isBelow: fc.boolean(),
    });
    const property = fc.asyncProperty(fc.array(entries, { maxLength: 8 }), async (random) => {
      const { victim, target, archive, directory } = world();
      const blocks = random.map(({ name, to, typeflag, mode, isBelow }) => {
        const aim = to.replace("VICTIM", victim);
        const linkname =
          typeflag === "1" && isBelow ? `2026-11-23-openclaw-backup/payload/posix/srv/state/${aim}` : aim;
        const fields = { typeflag, mode, ...("12".includes(typeflag) && { linkname }) };
        const body = "07".includes(typeflag) ? "evil" : "";
        return isBelow ? inState(`/${name}`, fields, body) : stored(name === "" ? "/" : name, body, fields);
      });
      writeFileSync(archive, foreign(...blocks));
      try {
        await restore(restoreInto(target, { archive }), surroundings());
        expect(oddities(target)).to.deep.equal([]);
      } catch (error) {
        if (!(error instanceof HoldstillError) || error.code !== "bad-archive") throw error;
        expect(existsSync(target)).to.equal(false);
      }
      expect(contents(victim)).to.deep.equal({ secret: "secret\n" });
      expect(readdirSync(directory).filter((name) => !["archive", "target", "victim"].includes(name))).to.be.empty;
    });
    // A failure prints its seed.
    await fc.assert(property, { numRuns: 60 });
  });
});

/** What an archive must never bring about in a target: devices and the like, setuid, a mark that stayed, second names. */
function oddities(target: string): string[] {
  const found: string[] = [];
  // Not every name is UTF-8.
  const look = (path: Buffer): void => {
    const stat = lstatSync(path);
    if (!stat.isFile() && !stat.isDirectory() && !stat.isSymbolicLink()) found.push(`${path.toString()} is special`);
    if (!stat.isSymbolicLink() && (stat.mode & 0o6000) !== 0) found.push(`${path.toString()} is setuid`);
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(path, { encoding: "buffer" })) look(Buffer.concat([path, Buffer.from("/"), name]));
  };
  look(Buffer.from(target));
  if (existsSync(join(target, ".holdstill-partial"))) found.push("it is marked partial");
  return found;
}
