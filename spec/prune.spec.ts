import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { expect } from "chai";
import type { Line } from "../lib/archive/index.js";
import { bytesOf } from "../lib/bytes.js";
import type { CreateOptions } from "../lib/create.js";
import { HoldstillError } from "../lib/errors.js";
import { disk, type Filesystem } from "../lib/filesystem.js";
import { save } from "../lib/guard/journal-file.js";
import { planPrune, prune } from "../lib/prune.js";
import type { PruneReport } from "../lib/report/prune-report.js";
import { lock } from "../lib/vault/lock.js";
import { thisProcess } from "../lib/vault/owner.js";
import { verify } from "../lib/verify.js";
import type { Policy } from "../lib/vault/retention.js";
import { journal } from "./guard/sample.js";
import { errno, fsWith, interrupted, refuse } from "./helpers/port.js";
import { list } from "../lib/look/list.js";
import { createFrom, surroundings } from "./helpers/run.js";
import { foreignArchive } from "./look/looking.js";
import { closed, snapshotLine, tarOf } from "./helpers/sample-archive.js";
import { contents, tmpDirectory, tmpTree } from "./helpers/tree.js";

const DAYS = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"];

/** An archive directory with an archive of each day, and how it is pruned. */
async function vault(days: readonly string[] = DAYS) {
  const output = join(tmpDirectory(), "archives");
  const source = tmpTree({ "a.txt": "a" });
  const make = async (day: string, options: Partial<CreateOptions> = {}, from = source): Promise<string> => {
    const now = (): number => Date.parse(`${day}T12:00:00Z`);
    return (await createFrom(from, { output, ...options }, { now })).archive;
  };
  const made: string[] = [];
  for (const day of days) made.push(await make(day));
  const run = (policy: Policy, fs: Filesystem = disk) => prune({ policy, output, waitMs: 0 }, surroundings({ fs }));
  return { output, source, make, made, run };
}

const removed = (report: PruneReport): string[] => report.removed.map(({ archive }) => archive);
const kept = (report: PruneReport): string[] => report.kept.map(({ archive }) => archive);

/** What lies in an archive directory, and what its catalog has. */
function left(output: string): { archives: string[]; catalog: string[] } {
  const archives = readdirSync(output).filter((name) => name !== ".holdstill");
  return { archives: archives.sort(), catalog: readdirSync(join(output, ".holdstill/index")).sort() };
}

function catalogOf(archives: readonly string[]): string[] {
  return archives
    .flatMap((path) => ["json", "jsonl.gz", "sha256"].map((ending) => `${basename(path)}.${ending}`))
    .sort();
}

async function failure(use: Promise<unknown>): Promise<HoldstillError> {
  const error = await use.catch((error: unknown) => error);
  if (error instanceof HoldstillError) return error;
  throw new Error(`it did not fail: ${JSON.stringify(error)}`);
}

describe("prune", () => {
  it("removes what no rule keeps, with what the catalog has of it, and says what and why", async () => {
    const { output, made, run } = await vault();
    const sizes = made.map((path) => readFileSync(path).length);
    const report = await run({ keepLast: 2 });
    expect(removed(report)).to.deep.equal(made.slice(0, 2));
    expect(report.kept.map(({ archive, reasons }) => [archive, reasons])).to.deep.equal([
      [made[2], ["last"]],
      [made[3], ["last", "newest complete"]],
    ]);
    expect(report).to.include({ outcome: "pruned", freedBytes: (sizes[0] ?? 0) + (sizes[1] ?? 0) });
    expect(left(output)).to.deep.equal({
      archives: made.slice(2).map((path) => basename(path)),
      catalog: catalogOf(made.slice(2)),
    });
    expect(existsSync(join(output, ".holdstill/lock"))).to.equal(false);
  });

  it("only tells what it would do, and takes no lock, for a dry run", async () => {
    const { output, made } = await vault();
    const before = contents(output);
    const { fs, came } = interrupted(
      "before",
      "create",
      () => true,
      () => {},
    );
    const report = await planPrune({ policy: { keepLast: 1 }, output, waitMs: 0 }, surroundings({ fs }));
    expect(report.outcome).to.equal("planned");
    expect(removed(report)).to.deep.equal(made.slice(0, 3));
    expect(contents(output)).to.deep.equal(before);
    expect(came()).to.equal(false);
  });

  it("refuses a policy that keeps nothing, before it looks at anything", async () => {
    expect(
      (await failure(prune({ policy: { keepLast: 0 }, output: "/nowhere", waitMs: 0 }, surroundings()))).code,
    ).to.equal("usage");
  });

  it("counts archives of different sources apart, and by their label", async () => {
    const { made, make, run } = await vault(DAYS.slice(0, 2));
    const other = await make("2025-01-01", {}, tmpTree({ b: "b" }));
    const labelled = await make("2025-01-02", { label: "pre-upgrade" });
    const report = await run({ keepLast: 1, keepLabel: ["pre-upgrade"] });
    expect(removed(report)).to.deep.equal([made[0]]);
    expect(kept(report)).to.have.members([other, labelled, made[1]]);
    expect(report.groups).to.have.lengthOf(2);
  });

  it("keeps the newest that is complete and verified, whatever the policy says", async () => {
    const { made, make, run } = await vault(DAYS.slice(0, 2));
    const unverified = await make("2026-01-05", { verify: false });
    const report = await run({ keepLast: 1 });
    expect(removed(report)).to.deep.equal([made[0]]);
    expect(kept(report)).to.deep.equal([made[1], unverified]);
  });

  it("keeps what a guarded command may have to go back to, and says so", async () => {
    const { output, made, run } = await vault();
    const archives = bytesOf(output);
    const [old = "", next = ""] = made;
    disk.mkdir(bytesOf(join(output, ".holdstill/guard")), 0o700);
    await save(disk, archives, journal({ id: "1", archive: old, phase: "failed" }));
    await save(disk, archives, journal({ id: "2", archive: next, phase: "returned" }));
    const report = await run({ keepLast: 1 });
    expect(report.kept[0]).to.deep.include({ archive: old, reasons: ["needed by guard resume"] });
    expect(removed(report)).to.deep.equal(made.slice(1, 3));
    await save(disk, archives, journal({ id: "1", archive: old, phase: "returned" }));
    expect(removed(await run({ keepLast: 1 }))).to.deep.equal([old]);
  });

  it("keeps all that a guarded command may have made whose snapshot is not named yet", async () => {
    const { output, made, run } = await vault();
    disk.mkdir(bytesOf(join(output, ".holdstill/guard")), 0o700);
    const id = "2026-01-02T00-00-00.000Z";
    await save(disk, bytesOf(output), journal({ id, archive: "", phase: "preparing" }));
    expect(removed(await run({ keepLast: 1 }))).to.deep.equal([made[0]]);
  });

  it("removes nothing where the journal of a guarded command cannot be read", async () => {
    const { output, made, run } = await vault();
    mkdirSync(join(output, ".holdstill/guard"));
    writeFileSync(join(output, ".holdstill/guard/1.json"), "{");
    expect((await failure(run({ keepLast: 1 }))).code).to.equal("io");
    expect(made.every((path) => existsSync(path))).to.equal(true);
  });

  it("touches nothing that is not an archive of holdstill, and names it", async () => {
    const { output, made, run } = await vault(DAYS.slice(0, 2));
    const [old = ""] = made;
    writeFileSync(join(output, "2020-notes.tar"), "notes");
    mkdirSync(join(output, "2020.tar"));
    symlinkSync(old, join(output, "2020-link.tar"));
    const foreign = tmpTree({ "2020-backup/payload/posix/a": "a" });
    const file = "2020-backup/payload/posix/a";
    execFileSync("tar", ["-cf", join(output, "2020-foreign.tar"), "-C", foreign, file]);
    const report = await run({ keepLast: 1 });
    expect(removed(report)).to.deep.equal([old]);
    expect(report.notOurs).to.deep.equal([
      { path: join(output, "2020-foreign.tar"), reason: "an archive by another program" },
      { path: join(output, "2020-link.tar"), reason: "a symbolic link" },
      { path: join(output, "2020-notes.tar"), reason: "no archive" },
      { path: join(output, "2020.tar"), reason: "a directory" },
    ]);
    expect(left(output).archives).to.include.members(["2020-link.tar", "2020-notes.tar", "2020.tar"]);
  });

  it("keeps damaged archives, whether their beginning or their end is gone, and names them", async () => {
    const { made, run } = await vault();
    const [first = "", second = ""] = made;
    truncateSync(first, 100);
    truncateSync(second, readFileSync(second).length - 2048);
    const report = await run({ keepLast: 1 });
    expect(report.damaged.map(({ path }) => path)).to.deep.equal([first, second]);
    expect(removed(report)).to.deep.equal([made[2]]);
    expect([first, second].every((path) => existsSync(path))).to.equal(true);
  });

  it("keeps damaged archives that only their names tell, and names them", async () => {
    const { output, made, run } = await vault();
    rmSync(join(output, ".holdstill"), { recursive: true });
    writeFileSync(made[0] ?? "", "overwritten");
    const report = await run({ keepLast: 1 });
    expect(report.damaged.map(({ path }) => path)).to.deep.equal([made[0]]);
    expect(report.notOurs).to.deep.equal([]);
    expect(removed(report)).to.deep.equal(made.slice(1, 3));
  });

  it("does not take an archive of OpenClaw for a damaged one because it was looked at", async () => {
    const archive = foreignArchive();
    const output = join(archive, "..");
    await list(output, surroundings());
    const report = await prune({ policy: { keepLast: 1 }, output, waitMs: 0 }, surroundings());
    expect(report).to.deep.include({
      damaged: [],
      notOurs: [{ path: archive, reason: "an archive by another program" }],
    });
  });

  it("takes an archive for damaged that was made at no time", async () => {
    const { output, made, run } = await vault(DAYS.slice(0, 2));
    const odd = join(output, "odd.tar");
    writeFileSync(odd, await tarOf([], closed([{ ...snapshotLine(), createdAt: "nonsense" } as Line], [])));
    const report = await run({ keepLast: 1 });
    expect(report.damaged.map(({ path }) => path)).to.deep.equal([odd]);
    expect(removed(report)).to.deep.equal([made[0]]);
  });

  it("knows of a verification that failed, as list does, until one is good", async () => {
    const { output, made, run } = await vault(DAYS.slice(0, 2));
    const newest = made[1] ?? "";
    const sound = readFileSync(newest);
    const { atime, mtime } = lstatSync(newest);
    const write = (bytes: Buffer): void => {
      writeFileSync(newest, bytes);
      utimesSync(newest, atime, mtime);
    };
    const flipped = Buffer.from(sound);
    flipped[flipped.indexOf("a.txt")] = 0;
    // To the microsecond, so that the catalog takes it for the same file.
    write(sound);
    rmSync(join(output, ".holdstill/index", `${basename(newest)}.json`));
    await list(output, surroundings());
    write(flipped);
    const failed = await failure(verify(newest, surroundings()));
    const rows = async () => (await list(output, surroundings())).archives.map((row) => row.ok);
    expect(await rows()).to.deep.equal([true, false]);
    const report = await run({ keepLast: 1 });
    expect(report.damaged).to.deep.equal([{ path: newest, reason: failed.message }]);
    expect(kept(report)).to.deep.equal([made[0]]);
    write(sound);
    await verify(newest, surroundings());
    expect(await rows()).to.deep.equal([true, true]);
    expect(removed(await run({ keepLast: 1 }))).to.deep.equal([made[0]]);
  });

  it("does not take the catalog's word for another archive that has the name by now", async () => {
    const { made, run } = await vault(DAYS.slice(0, 3));
    const [old = "", , newest = ""] = made;
    copyFileSync(newest, old);
    const report = await run({ keepLast: 1 });
    expect(report.damaged.map(({ path }) => path)).to.deep.equal([old]);
    expect(removed(report)).to.deep.equal([made[1]]);
  });

  it("reads archives that the catalog does not know", async () => {
    const { output, made, run } = await vault();
    for (const name of left(output).catalog) disk.unlink(bytesOf(join(output, ".holdstill/index", name)));
    expect(removed(await run({ keepLast: 1 }))).to.deep.equal(made.slice(0, 3));
  });

  it("decompresses nothing that the catalog knows", async () => {
    const { made, run } = await vault();
    let read = 0;
    const readAsync: Filesystem["readAsync"] = async (...args) => {
      read += 1;
      return disk.readAsync(...args);
    };
    expect(removed(await run({ keepLast: 1 }, { ...disk, readAsync }))).to.deep.equal(made.slice(0, 3));
    expect(read).to.equal(0);
  });

  it("goes on when one archive cannot be removed, and names it", async () => {
    const { output, made, run } = await vault();
    const unlink: Filesystem["unlink"] = (path) => {
      if (path === made[1]) throw errno("EPERM");
      disk.unlink(path);
    };
    const report = await run({ keepLast: 1 }, { ...disk, unlink });
    expect(report.failed.map(({ path, error }) => [path, error.code])).to.deep.equal([[made[1], "io"]]);
    expect(removed(report)).to.deep.equal([made[0], made[2]]);
    expect(left(output).catalog).to.deep.equal(catalogOf([made[1] ?? "", made[3] ?? ""]));
  });

  it("does not remove a file that took the place of one it looked at", async () => {
    const { made, run } = await vault(DAYS.slice(0, 2));
    const [old = ""] = made;
    let looked = 0;
    const lstat: Filesystem["lstat"] = (path) => {
      if (path === old && ++looked === 2) {
        disk.unlink(path);
        writeFileSync(path, "somebody else's");
      }
      return disk.lstat(path);
    };
    const report = await run({ keepLast: 1 }, { ...disk, lstat });
    expect(looked).to.equal(2);
    expect(report.failed.map(({ path }) => path)).to.deep.equal([old]);
    expect(readFileSync(old, "utf8")).to.equal("somebody else's");
  });

  it("syncs the archive directory after the archives are gone, and before their copies go", async () => {
    const { output, made, run } = await vault(DAYS.slice(0, 2));
    const synced: { path: string; catalog: string[]; archives: string[] }[] = [];
    const sync: Filesystem["sync"] = async (fd) => {
      synced.push({ path: disk.readlink(bytesOf(`/proc/self/fd/${fd}`)), ...left(output) });
      await disk.sync(fd);
    };
    await run({ keepLast: 1 }, { ...disk, sync });
    expect(synced).to.deep.equal([{ path: output, archives: [basename(made[1] ?? "")], catalog: catalogOf(made) }]);
  });

  it("leaves a directory that the next run puts in order, wherever it is interrupted", async () => {
    for (let nth = 1; ; nth++) {
      const { output, made, run } = await vault(DAYS.slice(0, 3));
      let calls = 0;
      const unlink: Filesystem["unlink"] = (path) => {
        if (path.includes("lock")) return disk.unlink(path);
        if (++calls === nth) throw new Error("killed");
        disk.unlink(path);
      };
      const outcome = await run({ keepLast: 1 }, { ...disk, unlink }).catch((error: unknown) => error);
      expect(left(output).archives).to.include(basename(made[2] ?? ""));
      if (calls < nth) {
        expect(nth).to.equal(9);
        return;
      }
      expect(outcome).to.be.an("error").with.property("message", "killed");
      await run({ keepLast: 1 });
      expect(left(output)).to.deep.equal({ archives: [basename(made[2] ?? "")], catalog: catalogOf(made.slice(2)) });
    }
  });

  it("leaves everything in the catalog that is of no archive by its name", async () => {
    const { output, made, run } = await vault(DAYS.slice(0, 1));
    writeFileSync(join(output, ".holdstill/index/notes.json"), "{}");
    await run({ keepLast: 1 });
    expect(left(output).catalog).to.have.members([...catalogOf(made), "notes.json"]);
  });

  it("fails with `locked` while another run holds the directory, and removes nothing", async () => {
    const { output, made, run } = await vault();
    const signal = new AbortController().signal;
    const held = await lock(disk, bytesOf(output), thisProcess(), { waitMs: 0, signal, now: Date.now });
    try {
      expect((await failure(run({ keepLast: 1 }))).code).to.equal("locked");
    } finally {
      held.release();
    }
    expect(left(output).archives).to.have.lengthOf(made.length);
  });

  it("fails with `no-archive` where there is no such directory, and is content with an empty one", async () => {
    const gone = join(tmpDirectory(), "gone");
    const at = (output: string | undefined) => prune({ policy: { keepLast: 1 }, output, waitMs: 0 }, surroundings());
    expect((await failure(at(gone))).code).to.equal("no-archive");
    expect((await failure(at(undefined))).code).to.equal("no-archive");
    expect(existsSync(gone)).to.equal(false);
    expect(await at(tmpDirectory())).to.deep.include({ outcome: "pruned", removed: [], kept: [] });
  });

  it("takes the default directories that are there where none is named", async () => {
    const around = surroundings();
    const output = join(around.homedir, ".local/share/holdstill/directory");
    const source = tmpTree({ a: "a" });
    const made: string[] = [];
    for (const label of ["a", "b"]) made.push((await createFrom(source, { output, label })).archive);
    const report = await prune({ policy: { keepLast: 1 }, output: undefined, waitMs: 0 }, around);
    expect(removed(report)).to.deep.equal(made.slice(0, 1));
    expect(report.directories).to.deep.equal([output]);
  });
});

describe("create that prunes", () => {
  const retention: Policy = { keepLast: 1 };

  it("removes older archives once the new one is published", async () => {
    const { output, source, made } = await vault();
    const report = await createFrom(source, { output, retention });
    expect(report.pruned?.outcome === "pruned" && removed(report.pruned)).to.deep.equal(made);
    expect(left(output).archives).to.deep.equal([basename(report.archive)]);
  });

  it("removes nothing after a run that is incomplete", async () => {
    const { output, source, made } = await vault();
    const openRead: Filesystem["openRead"] = (path) =>
      path.endsWith("/a.txt") ? refuse("EIO")() : disk.openRead(path);
    const report = await createFrom(source, { output, retention, strategy: "copy" }, { fs: fsWith({ openRead }) });
    expect(report).to.deep.include({
      complete: false,
      pruned: { outcome: "skipped", reason: "the new archive is incomplete" },
    });
    expect(left(output).archives).to.have.lengthOf(made.length + 1);
  });

  it("is published all the same when pruning fails, and says why", async () => {
    const { output, source } = await vault(DAYS.slice(0, 1));
    const { fs, came } = interrupted(
      "before",
      "list",
      (path) => path === output && published(output, 2),
      () => {
        throw errno("EIO");
      },
    );
    const report = await createFrom(source, { output, retention }, { fs });
    expect(came()).to.equal(true);
    expect(report).to.include({ outcome: "published", complete: true, verified: true });
    expect(report.pruned).to.deep.include({ outcome: "failed" });
    expect(existsSync(report.archive)).to.equal(true);
  });

  it("refuses a policy that keeps nothing before anything runs", async () => {
    const output = join(tmpDirectory(), "archives");
    expect((await failure(createFrom(tmpTree({ a: "a" }), { output, retention: {} }))).code).to.equal("usage");
    expect(existsSync(output)).to.equal(false);
  });
});

function published(output: string, count: number): boolean {
  return readdirSync(output).filter((name) => name.endsWith(".tar")).length === count;
}
