import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { backup, type Told } from "../lib/backup.js";
import { bytesOf } from "../lib/bytes.js";
import type { Notification } from "../lib/config/parse.js";
import type { CreateOptions } from "../lib/create.js";
import { HoldstillError } from "../lib/errors.js";
import { disk } from "../lib/filesystem.js";
import type { RunRecord } from "../lib/report/run-record.js";
import { createScratch } from "../lib/scratch.js";
import type { Surroundings } from "../lib/surroundings.js";
import { lock } from "../lib/vault/lock.js";
import { thisProcess } from "../lib/vault/owner.js";
import { readRuns } from "../lib/vault/runs.js";
import { failure, warningsOf } from "./look/looking.js";
import { errno, fsWith } from "./helpers/port.js";
import { DEFAULTS, surroundings } from "./helpers/run.js";
import { tmpDirectory, tmpTree } from "./helpers/tree.js";
import { listening } from "./notify/server.js";

const LIMIT = 60_000;

describe("backup", () => {
  let output: string;
  beforeEach(() => {
    output = join(tmpDirectory(), "archives");
  });

  async function run(
    told: Partial<Told> = {},
    options: Partial<CreateOptions> = {},
    replaced: Partial<Surroundings> = {},
  ) {
    const around = surroundings(replaced);
    const exitCodes = { of: () => 0, ofFailure: () => 99 };
    const all: Told = { hooks: {}, notifications: [], prometheus: undefined, paths: "named", exitCodes, ...told };
    const sources = [tmpTree({ a: "a" })];
    const work = backup({ ...DEFAULTS, sources, output, ...options }, around, all);
    return { work, around } as const;
  }

  const records = () => readRuns(disk, bytesOf(output)).records;
  const ping = (url: string, changes: Partial<Notification> = {}): Notification => ({
    ...{ url, style: "healthchecks", timeout: LIMIT },
    ...(changes as object),
  });

  it("is recorded", async () => {
    const { archive, id, bytes } = await (await run({}, { label: "nightly" })).work;
    const [record, ...others] = records();
    expect(others).to.deep.equal([]);
    expect(record).to.deep.include({ outcome: "success", exitCode: 0, id, bytes, files: 1, label: "nightly" });
    expect(record).to.deep.include({ archive: archive.slice(output.length + 1), verified: true, complete: true });
  });

  it("is recorded with its reason where it failed", async () => {
    await (
      await run()
    ).work;
    const error = await failure((await run({}, { sources: ["/no/such"] })).work);
    expect(error.code).to.equal("source-missing");
    expect(records()[1]).to.deep.include({
      ...{ outcome: "failure", exitCode: 99 },
      error: { code: "source-missing", message: error.message, path: "/no/such" },
    });
  });

  it("is recorded where another run holds the lock", async () => {
    mkdirSync(output);
    const [signal, now] = [new AbortController().signal, Date.now];
    const held = await lock(disk, bytesOf(output), thisProcess(), { waitMs: 0, signal, now });
    await failure((await run()).work);
    held.release();
    expect(records().map((record) => record.outcome === "failure" && record.error.code)).to.deep.equal(["locked"]);
  });

  it("is not recorded where it was asked for wrongly, and no archive directory is made for a record", async () => {
    await failure((await run({}, { sources: ["/no/such"] })).work);
    expect(existsSync(output)).to.equal(false);
    await (
      await run()
    ).work;
    await failure((await run({}, { label: "../x" })).work);
    expect(records()).to.have.lengthOf(1);
  });

  it("is recorded where the process ends in the middle of it", async () => {
    await (
      await run()
    ).work;
    const scratch = createScratch();
    let left: readonly RunRecord[] = [];
    const onEvent = (): void => {
      scratch.removeAll();
      left = records();
    };
    const hooks = { before: { command: "echo up; sleep 60", timeout: LIMIT } };
    await failure((await run({ hooks }, {}, { scratch, onEvent })).work);
    const error = { code: "internal", message: "the run ended unfinished" };
    expect(left[1]).to.deep.include({ outcome: "failure", exitCode: 99, error });
  });

  it("does not fail where it cannot be recorded", async () => {
    const openAppend = () => {
      throw errno("EROFS");
    };
    const { work, around } = await run({}, {}, { fs: fsWith({ openAppend }) });
    const report = await work;
    expect(report.warnings.join()).to.match(/^the run could not be recorded: EROFS/);
    expect(warningsOf(around)).to.deep.equal(report.warnings);
  });

  it("writes metrics, also of a run that failed, in one go and readable by all", async () => {
    const prometheus = join(tmpDirectory(), "x.prom");
    const umask = process.umask(0o077);
    await (await run({ prometheus })).work.finally(() => process.umask(umask));
    expect(statSync(prometheus).mode & 0o777).to.equal(0o644);
    const good = readFileSync(prometheus, "utf8");
    expect(good).to.include(`holdstill_last_run_exit_code{directory="${output}"} 0`);
    await failure((await run({ prometheus }, { sources: ["/no/such"] })).work);
    const bad = readFileSync(prometheus, "utf8");
    expect(bad).to.include(`holdstill_last_run_exit_code{directory="${output}"} 99`);
    const success = /last_success_timestamp_seconds\{.*/;
    expect(success.exec(bad)?.[0])
      .to.equal(success.exec(good)?.[0])
      .and.match(/ \d{9,}/);
    expect(readdirSync(join(prometheus, ".."))).to.deep.equal(["x.prom"]);
  });

  it("does not fail where metrics cannot be written, and replaces nothing but a file", async () => {
    const { warnings } = await (await run({ prometheus: "/dev/null" })).work;
    expect(warnings).to.deep.equal([
      "the metrics could not be written: metrics are written to a file, and this is none",
    ]);
  });

  describe("with hooks", () => {
    const hook = (command: string, timeout = LIMIT) => ({ command, timeout });
    const told = (path: string) => `printf '%s ' "$HOLDSTILL_OUTCOME" "$HOLDSTILL_EXIT_CODE" >${path}; cat >>${path}`;
    const read = (path: string) => readFileSync(path, "utf8");

    it("runs the one before it, and the one for its outcome", async () => {
      const [before, success, other] = ["b", "s", "o"].map((name) => join(tmpDirectory(), name)) as [
        string,
        string,
        string,
      ];
      const hooks = {
        ...{ before: hook(told(before)), success: hook(told(success)) },
        ...{ incomplete: hook(told(other)), failure: hook(told(other)) },
      };
      const report = await (await run({ hooks })).work;
      expect(read(before)).to.match(/^starting {2}\{"outcome":"starting","sources":\["\//);
      const [, outcome, code, json = ""] = /^(\w+) (\d+) (.*)\n$/.exec(read(success)) ?? [];
      expect([outcome, code]).to.deep.equal(["success", "0"]);
      expect(JSON.parse(json)).to.deep.equal(report);
      expect(existsSync(other)).to.equal(false);
    });

    it("says how it is incomplete by exit code", async () => {
      const path = join(tmpDirectory(), "i");
      const exitCodes = { of: () => 3, ofFailure: () => 99 };
      await (
        await run({ exitCodes, hooks: { incomplete: hook(told(path)) } })
      ).work;
      expect(read(path)).to.match(/^incomplete 3 \{"outcome":"published"/);
      expect(records()[0]).to.include({ outcome: "incomplete", exitCode: 3 });
    });

    it("makes no backup where the one before it fails, and tells so", async () => {
      const path = join(tmpDirectory(), "f");
      const hooks = { before: hook("echo no disk; exit 2"), failure: hook(told(path)) };
      const error = await failure((await run({ hooks })).work);
      expect(error).to.include({
        ...{ code: "hook-failed", message: "nothing was backed up, since the hook before exited 2: no disk" },
      });
      expect(existsSync(output)).to.equal(false);
      expect(read(path)).to.match(/^failure 99 \{"outcome":"failed","error":\{"code":"hook-failed"/);
    });

    it("does not fail where the one after it does, or takes too long", async () => {
      const { warnings } = await (await run({ hooks: { success: hook("echo hm; exit 2") } })).work;
      expect(warnings).to.deep.equal(["the hook success exited 2: hm"]);
      const late = await (await run({ hooks: { success: hook("sleep 60", 200) } })).work;
      expect(late.warnings).to.deep.equal(["the hook success took longer than its limit"]);
    });
  });

  describe("with notifications", () => {
    // The first time of all takes longer than a limit that a spec would wait for.
    before(async () => fetch((await listening()).url));

    it("tells that it starts and how it ended, in this order", async () => {
      const { asked, requests, url } = await listening();
      const { archive } = await (await run({ notifications: [ping(`${url}/uuid/?k=1`)] })).work;
      expect(asked()).to.deep.equal(["POST /uuid/start?k=1", "POST /uuid/?k=1"]);
      expect(requests[1]?.body)
        .to.include(archive.slice(output.length + 1))
        .and.to.match(/\n\{"run":.*"success".*\}\n$/);
    });

    it("tells why it failed", async () => {
      const { asked, requests, url } = await listening();
      await failure((await run({ notifications: [ping(`${url}/u`)] }, { sources: ["/no/such"] })).work);
      expect(asked()).to.deep.equal(["POST /u/start", "POST /u/fail"]);
      expect(requests[1]?.body).to.match(/^holdstill: the source does not exist: \/no\/such\n/);
    });

    it("tells in one line with a title, once, where the style is plain", async () => {
      const { requests, url } = await listening();
      await failure(
        (await run({ notifications: [ping(`${url}/topic`, { style: "plain" })] }, { sources: ["/x"] })).work,
      );
      expect(requests).to.have.lengthOf(1);
      expect(requests[0]).to.deep.include({ asked: "POST /topic", body: "the source does not exist: /x" });
      expect(requests[0]?.headers["title"]).to.match(/^Backup failed on ./);
    });

    it("takes no longer for an address that never answers than its limit, and says so without telling it", async () => {
      const { asked, url } = await listening(() => {});
      const { warnings } = await (await run({ notifications: [ping(`${url}/secret`, { timeout: 500 })] })).work;
      expect(asked()).to.include("POST /secret/start");
      expect([...new Set(warnings)]).to.deep.equal([`a notification to ${url}/… took longer than its limit`]);
    });

    it("tells that it was interrupted", async () => {
      const { asked, requests, url } = await listening();
      const controller = new AbortController();
      const hooks = { before: { command: "echo up; sleep 60", timeout: LIMIT } };
      const interrupted = new HoldstillError("interrupted", "interrupted");
      const { work } = await run(
        { hooks, notifications: [ping(url)] },
        {},
        {
          signal: controller.signal,
          onEvent: () => controller.abort(interrupted),
        },
      );
      controller.abort(interrupted);
      expect((await failure(work)).code).to.equal("interrupted");
      expect(asked().at(-1)).to.equal("POST /fail");
      expect(requests.at(-1)?.body).to.match(/^holdstill: interrupted\n/);
    });

    it("finds its address in a file or a credential, and warns where there is none", async () => {
      const { asked, url } = await listening();
      const directory = tmpDirectory();
      writeFileSync(join(directory, "one"), `${url}/file\nmore\n`);
      writeFileSync(join(directory, "two"), "no address, but secret");
      const plain = { style: "plain", timeout: LIMIT } as const;
      const notifications = [
        { ...plain, urlFile: join(directory, "one") },
        { ...plain, urlCredential: "one" },
        { ...plain, urlFile: join(directory, "two") },
        { ...plain, urlCredential: "../one" },
        { ...plain, urlFile: join(directory, "three") },
      ];
      const env = { PATH: process.env["PATH"], CREDENTIALS_DIRECTORY: directory };
      const { warnings } = await (await run({ notifications }, {}, { env })).work;
      expect(asked()).to.deep.equal(["POST /file", "POST /file"]);
      expect(warnings).to.have.lengthOf(3);
      expect(warnings.join()).to.include("ENOENT").and.not.to.include("secret");
    });
  });
});
