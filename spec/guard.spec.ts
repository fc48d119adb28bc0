import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { generateKey, sealTo, unsealWith } from "../lib/age/header.js";
import type { Seal, Unseal } from "../lib/age/sealed.js";
import { bytesOf } from "../lib/bytes.js";
import { HoldstillError } from "../lib/errors.js";
import { disk, type Filesystem } from "../lib/filesystem.js";
import { clean } from "../lib/guard-clean.js";
import type { GuardReport } from "../lib/guard.js";
import { guardStatus } from "../lib/guard-status.js";
import { journals, save } from "../lib/guard/journal-file.js";
import type { Journal, Phase } from "../lib/guard/journal.js";
import { rollback } from "../lib/rollback.js";
import { loadSqlite } from "../lib/stage/sqlite.js";
import { readRuns } from "../lib/vault/runs.js";
import { verify } from "../lib/verify.js";
import {
  beside,
  claimOf,
  expectBack,
  GRACE_MS,
  guarded,
  guardLine,
  OPTIONS,
  resumed,
  STATE,
  withMounts,
  type Guarded,
} from "./guard/guarded.js";
import { errno, fsWith, refuse } from "./helpers/port.js";
import { contents } from "./helpers/tree.js";

const MIGRATE = fileURLToPath(new URL("guard/migrate.js", import.meta.url));

const FAILED = { "failed/": "/", "failed/config.json": "new\n", "failed/empty/": "/" };
const CHANGE = "echo new > state/config.json; rm -r state/sessions";

function heldJournals({ output }: Guarded): number {
  return journals(disk, bytesOf(output)).length;
}

describe("a guarded command that succeeds", () => {
  it("leaves what it made, a verified archive of what was, and nothing else", async () => {
    const world = guarded();
    const report = await guardLine(world, CHANGE);
    expect(report).to.deep.include({ outcome: "succeeded", warnings: [] });
    expect(report.command).to.include({ exitCode: 0, timedOut: false });
    expect(contents(world.state)).to.deep.equal({ "config.json": "new\n", "empty/": "/" });
    expect(beside(world)).to.deep.equal({});
    expect(report.archive).to.match(/-directory-pre-upgrade\.tar$/);
    expect(await verify(report.archive, world.around)).to.include({ ok: true, files: 3 });
    expect(readdirSync(join(world.output, ".holdstill/guard"))).to.deep.equal([".holdstill"]);
  });

  it("is probed, and the probe may take a few tries", async () => {
    const probe = 'echo x >> tries; [ "$(wc -l < tries)" -eq 3 ]';
    const report = await guardLine(guarded(), "true", { actions: { ...OPTIONS.actions, probe } });
    expect(report).to.deep.include({ outcome: "succeeded" });
    expect(report.probe).to.include({ ok: true, attempts: 3 });
  });
});

describe("a guarded command that removes the archive directory", () => {
  it("has succeeded, and it is said that there is no way back", async () => {
    const world = guarded();
    const report = await guardLine(world, `${CHANGE}; rm -r archives`);
    expect(report).to.include({ outcome: "succeeded", isGone: true });
    expect(report.warnings).to.have.lengthOf(1);
    expect(report.warnings[0]).to.match(/^the snapshot is gone.*remove \S+\.json before anything else/);
    expect(contents(world.state)).to.deep.equal({ "config.json": "new\n", "empty/": "/" });
    expect(beside(world)).to.deep.equal({});
    expect(existsSync(claimOf(world))).to.equal(false);
    expect(await guardLine(world, "true")).to.include({ outcome: "succeeded" });
  });

  it("is left as it is where it failed, and it is said what there is", async () => {
    const world = guarded();
    const report = await guardLine(world, `${CHANGE}; mv archives away; exit 3`);
    expect(report).to.include({ outcome: "rollback-failed", isGone: true });
    expect(report.rollback?.why).to.equal(`the archive directory is gone, and the snapshot with it: ${world.output}`);
    expect(report.rollback?.next).to.match(
      /bring it back, and then: holdstill guard resume.*Else the state stays as it is\.$/,
    );
    renameSync(join(world.root, "away"), world.output);
    // The process that held it has ended by then.
    rmSync(join(world.output, ".holdstill/guard/.holdstill"), { recursive: true });
    expect(await resumed(world)).to.include({ outcome: "rolled-back" });
    expectBack(world, { ...FAILED });
  });

  it("may have removed only the archive", async () => {
    const report = await guardLine(guarded(), "rm archives/*.tar");
    expect(report).to.include({ outcome: "succeeded", isGone: true });
    expect(report.warnings).to.have.lengthOf(1);
    expect(report.warnings[0]).not.to.include("unmounted");
  });
});

describe("the snapshot of a guarded command", () => {
  const runs = ({ output }: Guarded) => readRuns(disk, bytesOf(output)).records;

  it("is recorded as other backups are, and so is one that failed", async () => {
    const world = guarded();
    const { archive } = await guardLine(world, "true");
    await guardLine(world, "true", { snapshot: { sources: ["/no/such"] } }).catch(() => {});
    const [made, failed] = runs(world);
    expect(made).to.deep.include({ outcome: "success", archive: basename(archive), label: "pre-upgrade" });
    expect(failed).to.deep.include({ outcome: "failure", exitCode: 99, label: "pre-upgrade" });
  });

  it("is in the metrics", async () => {
    const world = guarded();
    const prometheus = join(world.root, "x.prom");
    await guardLine(world, "true", { record: { ...OPTIONS.record, prometheus } });
    expect(readFileSync(prometheus, "utf8")).to.match(/^holdstill_last_success_timestamp_seconds\{.*\} \d{9,}/m);
  });

  describe("that is encrypted", () => {
    let seal: Seal;
    let unseal: Unseal;
    before(async () => {
      const { recipient, identity } = await generateKey();
      seal = sealTo({ recipients: [recipient] });
      unseal = unsealWith({ identities: [identity], passphrase: undefined });
    });

    it("is gone back to with the identity, now and by a later rollback", async () => {
      const world = guarded(STATE, { unseal });
      const report = await guardLine(world, `${CHANGE}; exit 3`, { snapshot: { seal } });
      expect(report).to.include({ outcome: "rolled-back" });
      expect(report.archive).to.match(/\.tar\.age$/);
      expectBack(world, { ...FAILED });
      await clean([world.output], world.around);
      writeFileSync(join(world.state, "config.json"), "newer");
      const { archive } = report;
      const asked = { archive, includeWorkspace: false, stop: undefined, start: undefined, graceMs: GRACE_MS };
      const confirm = () => Promise.resolve(true);
      expect(await rollback({ ...asked, confirm }, world.around)).to.include({ outcome: "rolled-back" });
      expect(contents(world.state)).to.deep.equal(world.before);
    });

    it("does not let the command run where there is no identity to go back with", async () => {
      const world = guarded();
      const error: unknown = await guardLine(world, CHANGE, { snapshot: { seal } }).catch((reason: unknown) => reason);
      expect(error).to.include({ code: "wrong-key" });
      expect(contents(world.state)).to.deep.equal(world.before);
      expect(existsSync(world.output)).to.equal(false);
    });

    it("does not let the command run where the identity is another's", async () => {
      const { identity } = await generateKey();
      const world = guarded(STATE, { unseal: unsealWith({ identities: [identity], passphrase: undefined }) });
      const error: unknown = await guardLine(world, CHANGE, { snapshot: { seal } }).catch((reason: unknown) => reason);
      expect(error).to.include({ code: "wrong-key" });
      expect(contents(world.state)).to.deep.equal(world.before);
      expect(heldJournals(world)).to.equal(0);
    });
  });
});

describe("a guarded command that fails", () => {
  it("leaves the old state, and what it made beside it", async () => {
    const world = guarded();
    const report = await guardLine(world, `${CHANGE}; exit 3`);
    expect(report).to.include({ outcome: "rolled-back", failure: "the command exited 3" });
    expectBack(world, { ...FAILED });
  });

  it("is one that was killed", async () => {
    const world = guarded();
    const report = await guardLine(world, `${CHANGE}; kill -9 $$`);
    expect(report).to.include({ outcome: "rolled-back", failure: "the command was ended by SIGKILL" });
    expectBack(world, { ...FAILED });
  });

  it("is one that hangs, and is ended with all that it started", async () => {
    const world = guarded();
    const report = await guardLine(world, `${CHANGE}; setsid sleep 600 < state/config.json & wait`, { timeoutMs: 100 });
    expect(report).to.include({ outcome: "rolled-back", failure: "the command took too long and was ended" });
    expectBack(world, { ...FAILED });
  });

  it("is one that migrates a database, leaves its log behind, and then fails its probe", async () => {
    const { DatabaseSync } = await loadSqlite();
    const world = guarded();
    const path = join(world.state, "state.sqlite");
    const database = new DatabaseSync(path);
    database.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES ('old')");
    database.close();
    const actions = { ...OPTIONS.actions, probe: "[ ! -e state/state.sqlite-wal ]" };
    const line = `node ${MIGRATE} state/state.sqlite; [ -s state/state.sqlite-wal ]`;
    const report = await guardLine(world, line, { actions, probeEveryMs: 60_000 });
    expect(report.command).to.include({ exitCode: 0 });
    expect(report).to.include({ outcome: "rolled-back" });
    expect(Object.keys(contents(world.state))).to.not.include("state.sqlite-wal");
    const back = new DatabaseSync(path);
    expect(
      back
        .prepare("SELECT x FROM t")
        .all()
        .map((row) => Object.values(row)),
    ).to.deep.equal([["old"]]);
    back.close();
  });

  it("is one that removes the whole state", async () => {
    const world = guarded();
    const { rollback } = await guardLine(world, "rm -r state; exit 1");
    expect(rollback)
      .to.include({ ok: true })
      .and.to.deep.include({ places: [{ path: world.state, how: "rename" }] });
    expectBack(world, {});
  });

  it("is one that puts something else in the place of the state", async () => {
    const world = guarded();
    expect(await guardLine(world, "rm -r state; echo x > state; exit 1")).to.include({ outcome: "rolled-back" });
    expectBack(world, { failed: "x\n" });
  });

  it("is stopped before anything is moved, and started and probed when all is back", async () => {
    const world = guarded();
    const log = (what: string): string => `echo ${what} $(cat state/config.json) >> log`;
    const actions = { stop: log("stop"), start: log("start"), rollback: log("rollback"), probe: log("probe") };
    expect(await guardLine(world, `${CHANGE}; exit 3`, { actions })).to.include({ outcome: "rolled-back" });
    expect(readFileSync(join(world.root, "log"), "utf8").trim().split("\n")).to.deep.equal([
      ...["stop new", "rollback old", "start old", "probe old"],
    ]);
  });

  it("fails by its probe alone, and goes back", async () => {
    const world = guarded();
    const actions = { ...OPTIONS.actions, probe: "grep -q old state/config.json" };
    const report = await guardLine(world, CHANGE, { actions, probeEveryMs: 60_000 });
    expect(report).to.include({ outcome: "rolled-back", failure: "the probe exited 1: grep -q old state/config.json" });
    expectBack(world, { ...FAILED });
  });

  it("is left as it is with --no-rollback, and says so", async () => {
    const world = guarded();
    expect(await guardLine(world, `${CHANGE}; exit 3`, { rollback: false })).to.include({ outcome: "not-rolled-back" });
    expect(contents(world.state)).to.include({ "config.json": "new\n" });
    expect(heldJournals(world)).to.equal(0);
  });

  it("has the state back where a link leads to it", async () => {
    const world = guarded();
    symlinkSync("state", join(world.root, "link"));
    const report = await guardLine(world, `${CHANGE}; exit 3`, { snapshot: { sources: [join(world.root, "link")] } });
    expect(report.rollback?.places.map(({ path }) => path)).to.deep.equal([world.state]);
    expectBack(world, { link: "-> state", ...FAILED });
  });

  it("has the state back where a directory that it lies in was moved meanwhile, and a link left there", async () => {
    const world = guarded({ inner: { "x.txt": "old" } });
    const snapshot = { sources: [join(world.state, "inner")] };
    const line = "echo new > state/inner/x.txt; mv state moved; ln -s moved state; exit 3";
    expect(await guardLine(world, line, { snapshot })).to.include({ outcome: "rolled-back" });
    expect(readFileSync(join(world.state, "inner/x.txt"), "utf8")).to.equal("old");
    expect(await resumed(world)).to.include({ outcome: "nothing-to-do" });
  });

  for (const [what, line, kept] of [
    [
      "is replaced by a directory",
      "rm link; mkdir link; echo made > link/x",
      { "link.failed/": "/", "link.failed/x": "made\n" },
    ],
    ["is made to lead elsewhere", "mkdir other; ln -sfn other link", { "link.failed": "-> other", "other/": "/" }],
    ["is removed", "rm link", {}],
  ] as const) {
    it(`has the link back by which the state is reached, where it ${what}`, async () => {
      const world = guarded();
      symlinkSync("state", join(world.root, "link"));
      const snapshot = { sources: [join(world.root, "link")] };
      const report = await guardLine(world, `${CHANGE}; ${line}; exit 3`, { snapshot });
      expect(report).to.include({ outcome: "rolled-back" });
      expect(contents(world.state)).to.deep.equal(world.before);
      expect(report.rollback?.places.map(({ path }) => path)).to.deep.equal([world.state, join(world.root, "link")]);
      const found = Object.entries(beside(world)).map(([path, is]) => [path.replace(/\.failed-[^/]*/, ".failed"), is]);
      const state = Object.fromEntries(Object.entries(FAILED).map(([path, is]) => [`state.${path}`, is]));
      expect(Object.fromEntries(found)).to.deep.equal({ link: "-> state", ...kept, ...state });
      await clean([world.output], world.around);
      const left = Object.keys(beside(world)).filter((path) => path.includes("failed"));
      expect(left).to.deep.equal([]);
    });
  }

  it("has what the archive does not hold taken over: what was excluded, and sockets and the like", async () => {
    const world = guarded({ ...STATE, cache: { big: "b" }, sub: { "x.tmp": "t", kept: "k" } });
    spawnSync("mkfifo", [join(world.state, "fifo")]);
    const snapshot = { exclude: ["/cache/", "*.tmp"] };
    const report = await guardLine(world, "echo grown > state/cache/big; echo new > state/config.json; exit 3", {
      snapshot,
    });
    expect(report.rollback).to.include({ ok: true }).and.to.deep.include({ left: [] });
    const now = contents(world.state);
    expect(now).to.deep.equal({ ...world.before, fifo: "special", "cache/big": "grown\n" });
  });

  it("has its contents back name by name where the state cannot be renamed, which is said before", async () => {
    const world = guarded(STATE, { fs: fsWith({ assertWritable: refuse("EACCES") }) });
    const report = await guardLine(world, `${CHANGE}; exit 3`);
    expect(report.rollback?.places).to.have.nested.property("[0].how", "contents");
    const said = world.events.findIndex((event) => event.type === "warning" && /name by name/.test(event.message));
    expect(said).to.be.within(
      0,
      world.events.findIndex(({ type }) => type === "handover"),
    );
    const area = readdirSync(world.state).find((name) => name.startsWith(".holdstill-guard-")) ?? "";
    expect(contents(join(world.state, area))).to.deep.equal(FAILED);
    expect(await clean([world.output], world.around)).to.include({ bytes: 4 });
    expectBack(world, {});
  });

  it("keeps the workspace of an OpenClaw as it is by then, though it lies in the state", async () => {
    const world = guarded({ "openclaw.json": "{}", workspace: { "notes.md": "before" }, npm: { x: "1" } });
    const env = { ...world.around.env, OPENCLAW_STATE_DIR: world.state };
    const snapshot = { sources: undefined };
    const line = "echo new > state/openclaw.json; echo after > state/workspace/notes.md; rm -r state/npm; exit 3";
    const report = await guardLine({ ...world, around: { ...world.around, env } }, line, { snapshot });
    expect(report, JSON.stringify(report)).to.include({ outcome: "rolled-back" });
    expect(contents(world.state)).to.deep.equal({ ...world.before, "workspace/notes.md": "after\n" });
  });

  it("has a workspace back too where that is asked for", async () => {
    const world = guarded({ "openclaw.json": "{}", workspace: { "notes.md": "before" } });
    const env = { ...world.around.env, OPENCLAW_STATE_DIR: world.state };
    const snapshot = { sources: undefined, includeWorkspace: true };
    const report = await guardLine(
      { ...world, around: { ...world.around, env } },
      "echo after > state/workspace/notes.md; exit 3",
      { snapshot },
    );
    expect(report, JSON.stringify(report)).to.include({ outcome: "rolled-back" });
    expect(contents(world.state)).to.deep.equal(world.before);
  });

  it("has every source back, those that lie in another one after that", async () => {
    const world = guarded();
    const other = join(world.root, "other");
    mkdirSync(other);
    writeFileSync(join(other, "x"), "old");
    const report = await guardLine(world, `${CHANGE}; echo new > other/x; exit 3`, {
      snapshot: { sources: [world.state, other] },
    });
    expect(report.rollback?.places).to.have.lengthOf(2);
    expect(contents(world.state)).to.deep.equal(world.before);
    expect(readFileSync(join(other, "x"), "utf8")).to.equal("old");
  });
});

describe("a guarded command that cannot go back", () => {
  it("names the process that still holds the state, moves nothing, and goes on when it has ended", async () => {
    const world = guarded();
    const left = "sleep 600 > state/left & echo $! > pid; until grep -q ^sleep /proc/$!/cmdline; do :; done";
    const report = await guardLine(world, `${CHANGE}; ${left}; exit 3`, { graceMs: 0 });
    const pid = Number(readFileSync(join(world.root, "pid"), "utf8"));
    try {
      expect(report).to.include({ outcome: "rollback-failed" });
      expect(report.rollback?.why).to.include(`process ${pid} (sleep 600) holds ${world.state}/left`);
      expect(report.rollback?.next).to.include(`holdstill guard resume --output ${world.output}`);
      expect(contents(world.state)).to.include({ "config.json": "new\n" });
      const still = await resumed(world);
      expect(still).to.include({ outcome: "rollback-failed" });
    } finally {
      process.kill(pid, "SIGKILL");
    }
    expect(await resumed(world)).to.include({ outcome: "rolled-back" });
    expectBack(world, { pid: `${pid}\n`, ...FAILED, "failed/left": "" });
    expect(await resumed(world)).to.include({ outcome: "nothing-to-do" });
  });

  it("waits for a process to let go of the state, for as long as it was given", async () => {
    const world = guarded();
    const report = await guardLine(world, `${CHANGE}; sleep 0.4 > state/left & exit 3`, { graceMs: 60_000 });
    expect(report).to.include({ outcome: "rolled-back" });
  });

  it("does not mind a process that it left behind and that holds nothing", async () => {
    const world = guarded();
    const report = await guardLine(world, `${CHANGE}; sleep 600 & echo $! > pid; exit 3`);
    process.kill(Number(readFileSync(join(world.root, "pid"), "utf8")), "SIGKILL");
    expect(report).to.include({ outcome: "rolled-back" });
  });

  describe("where the disk of the state", () => {
    const root = "1 0 8:1 / / rw - ext4 /dev/a rw\n";
    let mounted = "";
    let world: Guarded;
    beforeEach(() => {
      world = guarded(STATE, { fs: withMounts(() => mounted) });
      mounted = `${root}2 1 8:2 / ${world.root} rw - ext4 /dev/b rw\n`;
    });
    const during = (line: string): Promise<unknown> =>
      guardLine({ ...world, around: { ...world.around, takeSignals } }, line);
    let meanwhile = (): void => {};
    // Asked for when the command is started.
    const takeSignals = () => {
      meanwhile();
      return () => {};
    };

    it("is not mounted, moves nothing, claims nothing, and goes on when it is", async () => {
      const before = mounted;
      meanwhile = () => (mounted = root);
      const report = (await during(`${CHANGE}; exit 3`)) as GuardReport;
      expect(report).to.include({ outcome: "rollback-failed" });
      expect(report.rollback).to.include({
        why: `nothing was moved, since the disk of the state is not mounted: ${world.root}`,
        next: `Mount it, and then: holdstill guard resume --output ${world.output}`,
      });
      renameSync(world.state, join(world.root, "elsewhere"));
      rmSync(claimOf(world), { recursive: true });
      expect(await resumed(world)).to.include({ outcome: "rollback-failed" });
      expect(readdirSync(world.root).sort()).to.deep.equal(["archives", "elsewhere"]);
      renameSync(join(world.root, "elsewhere"), world.state);
      mounted = before;
      expect(await resumed(world)).to.include({ outcome: "rolled-back" });
      expectBack(world, FAILED);
    });

    for (const [what, after] of [
      ["is seen by another mount", "1 0 8:2 / / rw - ext4 /dev/b rw\n"],
      ["has another number", "2 1 8:3 / ROOT rw - ext4 /dev/b rw\n"],
    ] as const) {
      it(`${what}, it goes back`, async () => {
        meanwhile = () => (mounted = after.replace("ROOT", world.root));
        expect(await during(`${CHANGE}; exit 3`)).to.include({ outcome: "rolled-back" });
        expectBack(world, FAILED);
      });
    }
  });

  for (const [what, action, why] of [
    ["the rollback command", { rollback: "exit 4" }, "the state is back, but the rollback command exited 4: exit 4"],
    ["the start command", { start: "exit 5" }, "the state is back, but the start command exited 5: exit 5"],
    [
      "the probe",
      { probe: "echo broken; exit 6" },
      "the state is back, but the probe exited 6: echo broken; exit 6\nbroken",
    ],
  ] as const) {
    it(`says so where ${what} fails, with the state back, and tries that again, unless only the state is asked for`, async () => {
      const world = guarded();
      const actions = { ...OPTIONS.actions, ...action };
      const report = await guardLine(world, `${CHANGE}; exit 3`, { actions, probeEveryMs: 60_000 });
      expect(report).to.include({ outcome: "rollback-failed" });
      expect(report.rollback?.why).to.equal(why);
      expect(contents(world.state)).to.deep.equal(world.before);
      expect(await resumed(world)).to.include({ outcome: "rollback-failed" });
      expect(await resumed(world, { stateOnly: true })).to.include({ outcome: "rolled-back" });
      expect(contents(world.state)).to.deep.equal(world.before);
      expect(await resumed(world)).to.include({ outcome: "nothing-to-do" });
    });
  }

  it("says how much room is missing on a full disk, and goes back when there is some", async () => {
    let full = false;
    const space: typeof disk.space = (path) => (full ? { total: 1e9, available: 100 } : disk.space(path));
    const world = guarded(STATE, { fs: fsWith({ space }) });
    const { around } = world;
    const takeSignals = (): (() => void) => {
      full = true;
      return () => {};
    };
    const report = await guardLine({ ...world, around: { ...around, takeSignals } }, `${CHANGE}; exit 3`);
    expect(report).to.include({ outcome: "rollback-failed" });
    expect(report.rollback?.why).to.match(/are needed to put the state back, and 100 B are free/);
    full = false;
    expect(await resumed(world)).to.include({ outcome: "rolled-back" });
    expectBack(world, { ...FAILED });
  });

  it("says what can be done where the archive is gone, also where that is to keep what there is", async () => {
    const world = guarded();
    const { rollback } = await guardLine(world, `${CHANGE}; rm archives/*.tar; exit 3`);
    expect(rollback).to.include({ ok: false });
    const [, journal = ""] = /To keep the state as it is now, remove (\S+);/.exec(rollback?.next ?? "") ?? [];
    expect(rollback?.next).to.include(`And then: holdstill guard resume --output ${world.output}`);
    expect(await resumed(world)).to.include({ outcome: "rollback-failed" });
    rmSync(journal);
    expect(await resumed(world)).to.include({ outcome: "nothing-to-do" });
    expect(await guardLine(world, "true")).to.include({ outcome: "succeeded" });
    expect(beside(world)).to.deep.equal({});
  });

  it("has room for its journal even then", async () => {
    let full = false;
    let refused = 0;
    const create: typeof disk.create = (path, mode) => {
      const reserve = join(world.output, ".holdstill/guard/reserve");
      if (!full || !path.endsWith(".json.new") || !existsSync(reserve)) return disk.create(path, mode);
      refused++;
      throw errno("ENOSPC");
    };
    const world = guarded(STATE, { fs: fsWith({ create }) });
    const takeSignals = (): (() => void) => {
      full = true;
      return () => {};
    };
    const report = await guardLine({ ...world, around: { ...world.around, takeSignals } }, `${CHANGE}; exit 3`);
    expect(report).to.include({ outcome: "rolled-back" });
    expect(refused).to.equal(1);
  });
});

describe("a command that is not run", () => {
  async function refused(
    world: Guarded,
    asked: Parameters<typeof guardLine>[2] = {},
    line = CHANGE,
  ): Promise<HoldstillError> {
    const error: unknown = await guardLine(world, line, asked).catch((reason: unknown) => reason);
    expect(contents(world.state), String(error)).to.deep.equal(world.before);
    expect(heldJournals(world)).to.equal(0);
    if (!(error instanceof HoldstillError)) throw error;
    return error;
  }

  it("is one without a complete snapshot, unless that is allowed", async () => {
    const openRead: typeof disk.openRead = (path) => {
      if (path.endsWith("/config.json")) throw errno("EIO");
      return disk.openRead(path);
    };
    const link: typeof disk.link = (from, to) => {
      if (from.endsWith("/config.json")) throw errno("EIO");
      disk.link(from, to);
    };
    const world = guarded(STATE, { fs: fsWith({ openRead, link }) });
    const error = await refused(world);
    expect(error).to.include({ code: "incomplete" });
    expect(error.message).to.match(/config\.json/);
    expect(await guardLine(world, "true", { allowIncomplete: true })).to.include({ outcome: "succeeded" });
  });

  it("is one whose snapshot does not verify", async () => {
    const world = guarded(STATE, {
      fs: fsWith({
        async writeAsync(fd, data) {
          const written = await disk.writeAsync(fd, data);
          appendFileSync(fd, "damage");
          return written;
        },
      }),
    });
    expect(await refused(world)).to.include({ code: "verify-failed" });
  });

  it("is one for which there would be no room to go back", async () => {
    const space: typeof disk.space = (path) => ({ ...disk.space(path), available: 0 });
    const world = guarded(STATE, { fs: fsWith({ space }) });
    expect(await refused(world, { snapshot: { strategy: "link" } })).to.include({ code: "no-space" });
  });

  it("is one whose archives would lie in the state, into which nothing is written", async () => {
    const world = guarded();
    const output = join(world.state, "archives");
    expect(await refused({ ...world, output })).to.include({ code: "output-unusable", path: output });
  });

  it("is one whose state cannot be claimed for want of room", async () => {
    const mkdir: typeof disk.mkdir = (path, mode) => {
      if (path.endsWith("/.holdstill-guard-of-state")) throw errno("ENOSPC");
      disk.mkdir(path, mode);
    };
    const world = guarded(STATE, { fs: fsWith({ mkdir }) });
    const error = await refused(world);
    expect(error).to.include({ code: "no-space", path: claimOf(world), hint: "Free some space there." });
  });

  it("is a program that does not exist", async () => {
    const world = guarded();
    expect(await refused(world, { command: ["no-such-program"] })).to.include({ code: "usage" });
    expect(existsSync(world.output)).to.equal(false);
  });

  it("is a second one at the same time", async () => {
    const world = guarded();
    const line = "touch on; while [ ! -e off ]; do sleep 0.01; done";
    const first = guardLine(world, line);
    while (!existsSync(join(world.root, "on"))) await new Promise((resolve) => setTimeout(resolve, 5));
    const second: unknown = await guardLine(world, "true").catch((error: unknown) => error);
    const [held] = guardStatus([world.output], world.around).held;
    writeFileSync(join(world.root, "off"), "");
    expect(second).to.include({ code: "locked" });
    expect((second as HoldstillError).hint).to.match(/^Wait until process \d+ on .* status --output \S+\/archives$/);
    expect(held?.holder).to.match(new RegExp(`^process ${process.pid} on `));
    expect(await first).to.include({ outcome: "succeeded" });
  });

  it("is a second one at the same time that has another archive directory", async () => {
    const world = guarded();
    const first = guardLine(world, "touch on; while [ ! -e off ]; do sleep 0.01; done");
    while (!existsSync(join(world.root, "on"))) await new Promise((resolve) => setTimeout(resolve, 5));
    const other = { ...world, output: join(world.root, "others") };
    const second: unknown = await guardLine(other, "true").catch((error: unknown) => error);
    writeFileSync(join(world.root, "off"), "");
    expect(second).to.include({ code: "locked", path: world.state });
    expect(heldJournals(other)).to.equal(0);
    expect(await first).to.include({ outcome: "succeeded" });
    expect(existsSync(claimOf(world))).to.equal(false);
    expect(await guardLine(other, "true")).to.include({ outcome: "succeeded" });
  });

  it("is one after another with another archive directory that has not come to its end", async () => {
    const world = guarded();
    await guardLine(world, "exit 1", { actions: { ...OPTIONS.actions, rollback: "[ -e fixed ]" } });
    const other = { ...world, output: join(world.root, "others") };
    const error: unknown = await guardLine(other, "true").catch((reason: unknown) => reason);
    expect(error).to.include({ code: "locked", hint: `First: holdstill guard resume --output ${world.output}` });
    writeFileSync(join(world.root, "fixed"), "");
    expect(await resumed(world)).to.include({ outcome: "rolled-back" });
    expect(existsSync(claimOf(world))).to.equal(false);
    expect(await guardLine(other, "true")).to.include({ outcome: "succeeded" });
  });

  it("is one of a directory in a state of which another is under way", async () => {
    const world = guarded();
    const first = guardLine(world, "touch on; while [ ! -e off ]; do sleep 0.01; done");
    while (!existsSync(join(world.root, "on"))) await new Promise((resolve) => setTimeout(resolve, 5));
    const other = { ...world, output: join(world.root, "others") };
    const inner = { snapshot: { sources: [join(world.state, "sessions")] } };
    const second: unknown = await guardLine(other, "true", inner).catch((error: unknown) => error);
    writeFileSync(join(world.root, "off"), "");
    expect(second).to.include({ code: "locked", path: world.state });
    expect(await first).to.include({ outcome: "succeeded" });
    expect(await guardLine(other, "true", inner)).to.include({ outcome: "succeeded" });
  });

  it("is none of its own: a state and a directory in it are gone back to together, and resumed", async () => {
    const world = guarded();
    const snapshot = { sources: [world.state, join(world.state, "sessions")] };
    const actions = { ...OPTIONS.actions, rollback: "[ -e fixed ]" };
    expect(await guardLine(world, `${CHANGE}; exit 3`, { snapshot, actions })).to.include({
      outcome: "rollback-failed",
    });
    writeFileSync(join(world.root, "fixed"), "");
    expect(await resumed(world)).to.include({ outcome: "rolled-back" });
    expect(contents(world.state)).to.deep.equal(world.before);
  });

  it("does not mind a claim whose journal is gone", async () => {
    const world = guarded();
    mkdirSync(claimOf(world));
    writeFileSync(join(claimOf(world), "claim.json"), JSON.stringify({ archives: "/no/such", id: "1" }));
    expect(await guardLine(world, "true")).to.include({ outcome: "succeeded" });
    expect(existsSync(claimOf(world))).to.equal(false);
  });

  it("is one after another that has not come to its end", async () => {
    const world = guarded();
    const actions = { ...OPTIONS.actions, rollback: "exit 1" };
    await guardLine(world, "exit 1", { actions });
    const error: unknown = await guardLine(world, "true").catch((reason: unknown) => reason);
    expect(error).to.include({ code: "locked" });
    expect((error as HoldstillError).hint).to.include("guard resume");
  });
});

describe("a guarded command whose journal cannot be written any more", () => {
  /** From the command on, operations of the disk are others. */
  function world(replaced: Partial<Filesystem>): Guarded {
    let isRun = false;
    const late = Object.entries(replaced).map(([name, other]) => {
      const real = disk[name as keyof Filesystem] as (...args: unknown[]) => unknown;
      return [name, (...args: unknown[]) => (isRun ? (other as typeof real)(...args) : real(...args))] as const;
    });
    const made = guarded(STATE, { fs: fsWith(Object.fromEntries(late)) });
    const takeSignals = (): (() => void) => {
      isRun = true;
      return () => {};
    };
    return { ...made, around: { ...made.around, takeSignals } };
  }
  const noJournal: typeof disk.create = (path, mode) => {
    if (path.endsWith(".json.new")) throw errno("EIO");
    return disk.create(path, mode);
  };

  it("has failed, and says what goes back", async () => {
    const made = world({ create: noJournal });
    const { outcome, rollback } = await guardLine(made, `${CHANGE}; exit 3`);
    expect(outcome).to.equal("rollback-failed");
    expect(rollback?.why).to.match(/^EIO/);
    expect(rollback?.next).to.include("holdstill guard resume");
    expect(await resumed(guardedAnew(made))).to.include({ outcome: "rolled-back" });
    expectBack(made, { ...FAILED });
  });

  it("has failed, and says what goes back, also where nobody can see whether it is there", async () => {
    const lstat: typeof disk.lstat = (path) => {
      if (path.endsWith(".json") || path.endsWith(".tar")) throw errno("EIO");
      return disk.lstat(path);
    };
    const { outcome, isGone, rollback } = await guardLine(world({ create: noJournal, lstat }), `${CHANGE}; exit 3`);
    expect({ outcome, isGone }).to.deep.equal({ outcome: "rollback-failed", isGone: undefined });
    expect(rollback?.why).to.match(/^EIO/);
    expect(rollback?.next).to.include("holdstill guard resume");
  });

  it("has succeeded, and nothing is left that would go back", async () => {
    const made = world({ create: noJournal });
    expect(await guardLine(made, CHANGE)).to.include({ outcome: "succeeded" });
    expect(await resumed(guardedAnew(made))).to.include({ outcome: "nothing-to-do" });
    expect(contents(made.state)).to.deep.equal({ "config.json": "new\n", "empty/": "/" });
  });

  it("is said to have succeeded where not even that can be done", async () => {
    const unlink: typeof disk.unlink = (path) => {
      if (path.endsWith(".json")) throw errno("EIO");
      disk.unlink(path);
    };
    const error: unknown = await guardLine(world({ create: noJournal, unlink }), CHANGE).catch(
      (reason: unknown) => reason,
    );
    expect(error).to.include({ code: "io" });
    expect((error as HoldstillError).message).to.match(/^the command succeeded, but that cannot be written down: EIO/);
    expect((error as HoldstillError).hint).to.include("holdstill guard resume");
  });

  it("has succeeded also where what was kept cannot be removed, which is said", async () => {
    const made = world({
      unlink(path) {
        if (path.endsWith("/reserve")) throw errno("EIO");
        disk.unlink(path);
      },
    });
    expect(await guardLine(made, CHANGE)).to.include({ outcome: "succeeded" });
    const warnings = made.events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
    expect(warnings).to.have.lengthOf(1);
    expect(warnings[0]).to.match(/^what was kept is still there \(EIO.*holdstill guard resume/);
  });
});

/** The same with a disk that works. */
function guardedAnew(world: Guarded): Guarded {
  return { ...world, around: { ...world.around, fs: disk } };
}

describe("guard status and guard clean", () => {
  it("tell what is held and how much it takes, and remove it", async () => {
    const world = guarded();
    await guardLine(world, `${CHANGE}; exit 3`);
    const { held, bytes } = guardStatus([world.output], world.around);
    expect(held).to.have.lengthOf(1);
    expect(held[0]).to.include({ kind: "guard", phase: "returned", unfinished: false });
    expect(held[0]?.trees).to.have.lengthOf(1);
    expect(held[0]?.trees[0]).to.include({ what: "failed", bytes: 4 });
    expect(bytes).to.equal(4);

    const report = await clean([world.output], world.around);
    expect(report).to.include({ bytes: 4 }).and.to.deep.include({ unfinished: [] });
    expectBack(world, {});
    expect(readdirSync(join(world.output, ".holdstill/guard"))).to.deep.equal([".holdstill"]);
    expect(guardStatus([world.output], world.around).held).to.deep.equal([]);
  });

  it("keep what is still needed", async () => {
    const world = guarded();
    const actions = { ...OPTIONS.actions, rollback: "exit 1" };
    await guardLine(world, `${CHANGE}; exit 3`, { actions });
    const report = await clean([world.output], world.around);
    expect(report.removed).to.deep.equal([]);
    expect(report.unfinished).to.have.lengthOf(1);
    expectBack(world, { ...FAILED });
  });

  it("have nothing to say of a directory that never saw a guarded command", async () => {
    const world = guarded();
    expect(guardStatus([world.output], world.around)).to.deep.include({ held: [], bytes: 0 });
    expect(await clean([world.output], world.around)).to.deep.include({ removed: [] });
    expect(existsSync(world.output)).to.equal(false);
  });
});

describe("guard resume", () => {
  /** What a guard leaves that was killed while its command was at work. */
  async function cutOff(world: Guarded, phase: Phase): Promise<Journal> {
    const { rollback } = await guardLine(world, "exit 1", { actions: { ...OPTIONS.actions, rollback: "exit 1" } });
    expect(rollback?.ok).to.equal(false);
    const [journal] = journals(disk, bytesOf(world.output));
    if (journal === undefined) throw new Error("there is no journal");
    for (const name of Object.keys(beside(world))) rmSync(join(world.root, name), { recursive: true, force: true });
    const again: Journal = { ...journal, phase, moves: [], actions: OPTIONS.actions };
    await save(disk, bytesOf(world.output), again);
    return again;
  }

  it("does nothing where there is nothing to do", async () => {
    const world = guarded();
    expect(await resumed(world)).to.deep.equal({ outcome: "nothing-to-do", finished: [], rollbacks: [] });
    expect(existsSync(world.output)).to.equal(false);
  });

  for (const phase of ["preparing", "passed"] as const) {
    it(`goes forward from ${phase}: the state is left as it is`, async () => {
      const world = guarded();
      const { id } = await cutOff(world, phase);
      writeFileSync(join(world.state, "config.json"), "whatever");
      expect(await resumed(world)).to.deep.equal({ outcome: "succeeded", finished: [id], rollbacks: [] });
      expect(readFileSync(join(world.state, "config.json"), "utf8")).to.equal("whatever");
      expect(await resumed(world)).to.include({ outcome: "nothing-to-do" });
    });
  }

  it("goes back where nobody saw how the command ended", async () => {
    const world = guarded();
    await cutOff(world, "running");
    writeFileSync(join(world.state, "config.json"), "half");
    expect(await resumed(world)).to.include({ outcome: "rolled-back" });
    expect(contents(world.state)).to.deep.equal(world.before);
    expect(await resumed(world)).to.include({ outcome: "nothing-to-do" });
  });

  it("leaves a command alone that is still at work", async () => {
    const world = guarded();
    const { mark } = await cutOff(world, "running");
    const child = spawn("sleep", ["600"], { env: { ...process.env, HOLDSTILL_GUARD: mark }, stdio: "ignore" });
    await once(child, "spawn");
    try {
      const error: unknown = await resumed(world).catch((reason: unknown) => reason);
      expect(error).to.include({ code: "locked" });
      expect((error as HoldstillError).message).to.include(`process ${child.pid} (sleep 600)`);
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    expect(await resumed(world)).to.include({ outcome: "rolled-back" });
  });
});
