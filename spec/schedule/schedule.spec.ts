import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { disk } from "../../lib/filesystem.js";
import { HoldstillError } from "../../lib/errors.js";
import { examineFailure, soundAlarm } from "../../lib/schedule/alarm.js";
import { describeSchedule, type ScheduleOptions } from "../../lib/schedule/describe.js";
import { installSchedule } from "../../lib/schedule/install.js";
import { printSchedule } from "../../lib/schedule/print.js";
import { removeSchedule } from "../../lib/schedule/remove.js";
import { scheduleStatus } from "../../lib/schedule/status.js";
import { errno, fsWith } from "../helpers/port.js";
import { DEFAULTS, surroundings } from "../helpers/run.js";
import { tmpDirectory, tmpTree } from "../helpers/tree.js";
import { listening } from "../notify/server.js";
import { fakeSystemd, type FakeSystemd } from "./fake-systemd.js";

const NEXT = "Thu 2026-11-26 03:04:40 UTC";

function options(source: string, changes: Partial<ScheduleOptions> = {}): ScheduleOptions {
  return {
    ...{ scope: "user", runAs: undefined, daily: undefined, calendar: undefined, alarm: undefined, network: false },
    ...{ delayMs: undefined, environment: {}, config: undefined, prometheus: undefined },
    destination: undefined,
    create: { ...DEFAULTS, sources: [source], output: `${source}-archives` },
    carried: [`--source=${source}`],
    program: [process.execPath, "/opt/main.js"],
    ...changes,
  };
}

function world(systemd: FakeSystemd = fakeSystemd({})) {
  const source = tmpTree({ "a.txt": "a" });
  const around = surroundings({ env: systemd.env });
  const units = join(around.homedir, ".config/systemd/user");
  return { source, around, units, unit: (name: string) => join(units, `holdstill${name}`), asked: systemd.asked };
}

async function failure(work: Promise<unknown>): Promise<HoldstillError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof HoldstillError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("schedule", () => {
  describe("describes", () => {
    it("a source and its stage in one mount: its parent where that is ours to write, else itself", async () => {
      const { source, around } = world();
      const { schedule } = await describeSchedule(options(source), around);
      expect(schedule.writable).to.deep.equal([join(source, "..")]);
      const foreign = fsWith({
        lstat: (path) => ({ ...disk.lstat(path), uid: path === source ? userInfo().uid : 4711 }),
      });
      if (userInfo().uid === 0) return;
      const inside = await describeSchedule(options(source), { ...around, fs: foreign });
      expect(inside.schedule.writable).to.include(source);
    });

    it("an archive directory elsewhere as a second one, and none inside another", async () => {
      const { source, around } = world();
      const create = { ...DEFAULTS, sources: [source], output: join(around.homedir, "archives") };
      const { schedule, directory } = await describeSchedule(options(source, { create }), around);
      expect(directory).to.equal(join(around.homedir, "archives"));
      expect(schedule.writable).to.have.members([join(source, ".."), directory]);
      expect(schedule.command.slice(-3)).to.deep.equal([`--source=${source}`, `--output=${directory}`, "--background"]);
    });

    it("the directory of metrics as one more, which has to be there", async () => {
      const { source, around } = world();
      const directory = tmpDirectory();
      const told = options(source, { prometheus: join(directory, "x.prom") });
      expect((await describeSchedule(told, around)).schedule.writable).to.include(directory);
      const missing = options(source, { prometheus: join(directory, "no/x.prom") });
      expect(await failure(describeSchedule(missing, around))).to.include({
        ...{ code: "output-unusable", path: join(directory, "no") },
      });
    });

    it("a repository of restic here as one more to write to, and the network for one elsewhere", async () => {
      const { source, around } = world();
      const env = { ...around.env, RESTIC_PASSWORD_FILE: "/p", RESTIC_PASSWORD: "hidden", RCLONE_CONFIG: "/r" };
      const to = async (repository: string, scope: "user" | "system" = "user") => {
        const destination = { engine: "restic", repository } as const;
        const told = options(source, { destination, scope, runAs: "root" });
        return describeSchedule(told, { ...around, env });
      };
      const here = await to("/srv/repo", "system");
      expect(here.schedule).to.include({ network: false });
      expect(here.schedule.writable).to.include("/srv/repo");
      expect(here.schedule.environment).to.deep.equal({
        ...{ RESTIC_PASSWORD_FILE: "/p", RESTIC_CACHE_DIR: "/var/cache/holdstill/restic" },
      });
      expect(here.warnings.join()).to.include("RESTIC_PASSWORD_FILE").and.not.to.include("hidden");
      const there = await to("sftp:nas:/repo");
      expect(there.schedule).to.include({ network: true });
      expect(there.schedule.environment).to.deep.equal({ RESTIC_PASSWORD_FILE: "/p" });
    });

    it("a local directory of rclone's as one more to write to", async () => {
      const { source, around } = world();
      const destination = { engine: "rclone", directory: "/mnt/usb" } as const;
      const { schedule } = await describeSchedule(options(source, { destination }), around);
      expect(schedule.writable).to.include("/mnt/usb");
      expect(schedule).to.include({ network: false });
    });

    it("the repository that restic's environment names, but for one with a password", async () => {
      const { source, around } = world();
      const destination = { engine: "restic", repository: undefined } as const;
      const by = async (repository: string) =>
        describeSchedule(options(source, { destination }), {
          ...{ ...around, env: { ...around.env, RESTIC_REPOSITORY: repository } },
        });
      expect((await by("sftp:nas:/repo")).schedule.environment).to.deep.equal({ RESTIC_REPOSITORY: "sftp:nas:/repo" });
      expect((await by("/srv/repo")).schedule.writable).to.include("/srv/repo");
      const { schedule, warnings } = await by("rest:http://me:hidden@nas/");
      expect(schedule.environment).to.deep.equal({});
      expect(warnings.join()).to.include("RESTIC_REPOSITORY_FILE").and.not.to.include("hidden");
    });

    it("the configuration that counts, for the backup and for the alarm", async () => {
      const { source, around } = world();
      const { schedule } = await describeSchedule(options(source, { config: "/etc/h.yaml", alarm: "x" }), around);
      expect(schedule.command).to.include("--config=/etc/h.yaml");
      expect(schedule.alarm.slice(-3)).to.deep.equal(["--user", "--config=/etc/h.yaml", "--alarm=x"]);
    });

    it("where OpenClaw's state is, whatever directory it was asked in", async () => {
      const { source, around } = world();
      const env = { ...around.env, OPENCLAW_STATE_DIR: "source", OPENCLAW_CONFIG_PATH: "~/openclaw.json" };
      const create = { ...DEFAULTS, output: `${source}-archives` };
      const there = { ...around, cwd: join(source, ".."), env };
      const { schedule } = await describeSchedule(options(source, { create, carried: [] }), there);
      expect(schedule.environment).to.deep.equal({
        OPENCLAW_STATE_DIR: source,
        OPENCLAW_CONFIG_PATH: "~/openclaw.json",
      });
      expect(schedule.sources).to.deep.equal([source]);
    });

    for (const [what, changes] of [
      ["an archive's own name", { create: { ...DEFAULTS, sources: ["/etc"], output: "/tmp/x.tar.gz" } }],
      ["a time that is none", { daily: "25:00" }],
      ["a calendar that is none", { calendar: "every full moon" }],
      ["a calendar that never comes again", { calendar: "1990-01-01" }],
      ["a calendar with a line of its own", { calendar: "daily\nOnCalendar=minutely" }],
      ["two times", { daily: "03:00", calendar: "daily" }],
    ] as const) {
      it(`no schedule for ${what}`, async () => {
        const { source, around } = world();
        expect(await failure(describeSchedule(options(source, changes), around))).to.have.property("code", "usage");
      });
    }
  });

  describe("print", () => {
    it("writes units into a directory that is named, and nowhere else", async () => {
      const { source, around, units } = world();
      const unitDir = join(around.homedir, "there");
      const printed = await printSchedule({ ...options(source), unitDir: undefined, cron: false }, around);
      expect(existsSync(units)).to.equal(false);
      await printSchedule({ ...options(source), unitDir, cron: false }, around);
      for (const { path, text } of printed.units) {
        const name = path.slice(units.length + 1);
        expect(readFileSync(join(unitDir, name), "utf8")).to.equal(text);
        expect(statSync(join(unitDir, name)).mode & 0o777).to.equal(0o644);
      }
    });

    it("does for a user that this machine does not have, and says so", async () => {
      const { source, around } = world();
      const other = options(source, { scope: "system", runAs: "nobody-of-that-name" });
      const printed = await printSchedule({ ...other, unitDir: undefined, cron: false }, around);
      expect(printed.units[0]?.text).to.contain("\nUser=nobody-of-that-name\n");
      expect(printed.warnings).to.deep.equal(["there is no user nobody-of-that-name on this machine"]);
    });
  });

  describe("install", () => {
    const install = ({ source, around }: ReturnType<typeof world>, now = false) =>
      installSchedule({ ...options(source), now }, around);

    function armed(loginctl?: string) {
      const made = world(fakeSystemd({ '*"-- holdstill.timer"': 'cat "$0.timer"' }, loginctl));
      const directory = made.around.env["PATH"]?.split(":")[0] ?? "";
      const answer = ["ActiveState=active", "UnitFileState=enabled", `NextElapseUSecRealtime=${NEXT}`];
      const fragment = `FragmentPath=${made.unit(".timer")}`;
      writeFileSync(join(directory, "systemctl.timer"), [...answer, fragment, ""].join("\n"));
      return made;
    }

    it("writes the units, arms the timer, and says when it runs next", async () => {
      const there = armed();
      const report = await install(there);
      expect(report).to.deep.include({ next: "2026-11-26T03:04:40.000Z", warnings: [], started: false });
      expect(report.units.map((path) => existsSync(path))).to.deep.equal([true, true, true]);
      expect(there.asked()).to.deep.equal([
        "--user daemon-reload",
        "--user enable holdstill.timer",
        "--user restart holdstill.timer",
      ]);
    });

    it("starts a first run where that is asked for, and does not wait for it", async () => {
      const there = armed();
      await install(there, true);
      expect(there.asked().at(-1)).to.equal("--user start --no-block holdstill.service");
    });

    it("warns of a user whose timers stand still without a session, with the way out", async () => {
      const { warnings } = await install(armed("no"));
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.contain("loginctl enable-linger");
    });

    it("fails where the timer is not armed after all", async () => {
      const error = await failure(install(world(fakeSystemd({ '*"-- holdstill.timer"': "echo ActiveState=failed" }))));
      expect(error).to.have.property("code", "io");
      expect(error.message).to.contain("ActiveState=failed");
    });

    it("writes nothing where there is no service manager, and names cron", async () => {
      const there = world(fakeSystemd({ '"show --property=Version"*': "echo 'no systemd here' >&2; exit 1" }));
      const error = await failure(install(there));
      expect(error).to.have.property("code", "usage");
      expect(error.message).to.contain("no systemd here");
      expect(error.hint).to.contain("print --cron");
      expect(existsSync(there.units)).to.equal(false);
    });

    for (const [what, plant] of [
      ["that somebody else has written", (path: string) => writeFileSync(path, "[Unit]\n")],
      ["that is masked", (path: string) => symlinkSync("/dev/null", path)],
      ["that is a directory", (path: string) => mkdirSync(path)],
    ] as const) {
      it(`refuses a unit ${what}, and writes none of them`, async () => {
        const there = armed();
        mkdirSync(there.units, { recursive: true });
        plant(there.unit(".timer"));
        expect(await failure(install(there))).to.include({ code: "output-exists", path: there.unit(".timer") });
        expect(existsSync(there.unit(".service"))).to.equal(false);
      });
    }

    it("leaves the old unit whole where the new one cannot be written", async () => {
      const there = armed();
      await install(there);
      const old = readFileSync(there.unit(".service"), "utf8");
      const fs = fsWith({
        sync: () => Promise.reject(errno("EROFS")),
      });
      const error = await failure(install({ ...there, around: { ...there.around, fs } }));
      expect(error).to.have.property("code", "output-unusable");
      expect(readFileSync(there.unit(".service"), "utf8")).to.equal(old);
      expect(existsSync(there.unit(".service.new"))).to.equal(false);
    });

    it("changes what there is when it is done again", async () => {
      const there = armed();
      await install(there);
      await installSchedule({ ...options(there.source), daily: "04:15", now: false }, there.around);
      expect(readFileSync(there.unit(".timer"), "utf8")).to.contain("OnCalendar=*-*-* 04:15:00\n");
    });

    it("is undone by remove, which leaves drop-ins and others' units alone", async () => {
      const there = armed();
      await install(there);
      mkdirSync(there.unit(".service.d"));
      const stamp = join(there.around.homedir, ".local/share/systemd/timers/stamp-holdstill.timer");
      mkdirSync(join(stamp, ".."), { recursive: true });
      writeFileSync(stamp, "");
      writeFileSync(there.unit("-alarm@.service"), "[Unit]\n");
      const removed = await removeSchedule(undefined, there.around);
      expect(removed.units).to.deep.equal([there.unit(".service"), there.unit(".timer")]);
      expect([there.unit(".service"), there.unit(".timer"), stamp].map((path) => existsSync(path))).to.deep.equal([
        false,
        false,
        false,
      ]);
      expect([there.unit("-alarm@.service"), there.unit(".service.d")].map((path) => existsSync(path))).to.deep.equal([
        true,
        true,
      ]);
      expect(there.asked().slice(3)).to.deep.equal([
        "--user disable holdstill.timer",
        "--user stop holdstill.timer holdstill.service",
        "--user reset-failed holdstill.*timer holdstill.*service holdstill-alarm@*.service",
        "--user daemon-reload",
      ]);
      expect((await removeSchedule("user", there.around)).units).to.deep.equal([]);
    });
  });

  describe("status", () => {
    const installedWorld = async (service: string) => {
      const made = world(
        fakeSystemd({
          '*"-- holdstill.timer"': `echo ActiveState=active; echo UnitFileState=enabled; echo 'NextElapseUSecRealtime=${NEXT}'`,
          '*"-- holdstill.service"': service,
        }),
      );
      await printSchedule({ ...options(made.source), unitDir: made.units, cron: false }, made.around);
      return made;
    };

    it("tells the next run, and how the last one ended", async () => {
      const ran =
        "echo 'ExecMainStartTimestamp=Wed 2026-11-25 03:00:00 UTC'; echo 'ExecMainExitTimestamp=Wed 2026-11-25 03:00:09 UTC'";
      const { around } = await installedWorld(
        `echo ActiveState=failed; echo Result=exit-code; echo ExecMainStatus=4; ${ran}`,
      );
      expect(await scheduleStatus(undefined, around)).to.deep.include({
        ...{ armed: true, next: "2026-11-26T03:04:40.000Z", running: null, scope: "user" },
        lastRun: {
          started: "2026-11-25T03:00:00.000Z",
          ended: "2026-11-25T03:00:09.000Z",
          exitCode: 4,
          result: "exit-code",
        },
      });
    });

    it("tells what a run is at", async () => {
      const { around } = await installedWorld(
        "echo ActiveState=activating; echo StatusText=archiving; echo Result=success",
      );
      expect(await scheduleStatus(undefined, around)).to.include({ running: "archiving", lastRun: null });
    });

    it("asks nobody where nothing is installed", async () => {
      const { around } = world(fakeSystemd({ "*": "exit 1" }));
      expect(await scheduleStatus("user", around)).to.deep.include({ units: [], armed: false });
    });
  });

  describe("alarm", () => {
    const report = {
      outcome: "failed",
      unit: "u.service",
      result: "exit-code",
      exitCode: 4,
      lines: ["it\u001b broke"],
    } as const;

    it("knows how a unit failed, and what it said last", async () => {
      const { around } = world(fakeSystemd({ '*"-- u.service"': "echo Result=exit-code; echo ExecMainStatus=4" }));
      const directory = around.env["PATH"]?.split(":")[0] ?? "";
      writeFileSync(join(directory, "journalctl"), "#!/bin/sh\necho one\necho two\n");
      chmodSync(join(directory, "journalctl"), 0o755);
      expect(await examineFailure("u.service", "user", around)).to.deep.equal({ ...report, lines: ["one", "two"] });
    });

    it("gives its command the report", async () => {
      const { around } = world();
      const file = join(around.homedir, "told");
      const command = `cat > '${file}'; echo "$HOLDSTILL_UNIT $HOLDSTILL_EXIT_CODE" >> '${file}'`;
      await soundAlarm({ command, notifications: [] }, report, around);
      expect(readFileSync(file, "utf8")).to.equal(`${JSON.stringify(report)}\nu.service 4\n`);
    });

    it("fails where its command does, with what that said", async () => {
      const error = await failure(
        soundAlarm({ command: "echo no mail today >&2; exit 3", notifications: [] }, report, world().around),
      );
      expect(error).to.have.property("code", "io");
      expect(error.message).to.contain("no mail today");
    });

    it("tells whoever is configured to be notified, with what the run said last", async () => {
      const { asked, requests, url } = await listening();
      const { around } = world();
      const notifications = [
        { url: `${url}/uuid`, style: "healthchecks", timeout: 60_000 },
        { url: `${url}/topic`, style: "plain", timeout: 60_000 },
      ] as const;
      await soundAlarm({ command: undefined, notifications }, report, around);
      expect(asked().sort()).to.deep.equal(["POST /topic", "POST /uuid/fail"]);
      const body = (path: string) => requests.find(({ asked: to }) => to === `POST ${path}`)?.body;
      const first = "holdstill: u.service failed: exit code 4 (exit-code)";
      expect(body("/uuid/fail")).to.match(/^holdstill: u\.service .*\nIt said last:\n {2}it.+ broke\n$/);
      expect(body("/uuid/fail")).to.not.include("\u001b");
      expect(body("/topic")).to.equal(first);
    });

    it("tells them also where its command fails, and does not fail where they cannot be reached", async () => {
      const { asked, url } = await listening();
      const notifications = [{ url: `${url}/topic`, style: "plain", timeout: 60_000 }] as const;
      await failure(soundAlarm({ command: "exit 3", notifications }, report, world().around));
      expect(asked()).to.deep.equal(["POST /topic"]);
      const { around } = world();
      const dead = [{ url: "http://127.0.0.1:1/secret", style: "plain", timeout: 60_000 }] as const;
      await soundAlarm({ command: undefined, notifications: dead }, report, around);
      expect(around.events).to.have.lengthOf(1);
    });
  });
});
