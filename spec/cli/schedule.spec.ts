import { expect } from "chai";
import { run } from "../../lib/cli/program.js";
import { effective } from "../../lib/config/effective.js";
import { HoldstillError } from "../../lib/errors.js";
import type { ScheduleStatus } from "../../lib/report/schedule-report.js";
import type { PrintOptions } from "../../lib/schedule/print.js";
import { collectingShell, only } from "./collecting-shell.js";

async function printed(...args: readonly string[]): Promise<PrintOptions> {
  const asked: PrintOptions[] = [];
  const { shell, err } = collectingShell();
  const cases = only({
    printSchedule: async (options) => {
      asked.push(options);
      return { outcome: "printed", units: [], cron: ["a line"], written: false, warnings: [] };
    },
  });
  expect(await run(["schedule", "print", ...args], shell, cases), err()).to.equal(0);
  return asked[0] as PrintOptions;
}

const ARMED: ScheduleStatus = {
  ...{ outcome: "status", scope: "user", units: ["/u"], armed: true, next: "2026-11-26T03:00:00.000Z" },
  ...{ running: null, lastRun: null, warnings: [] },
};

describe("schedule on the command line", () => {
  it("carries the options of create that were given, paths made absolute", async () => {
    const { carried, create } = await printed(
      ...["--source", "a b", "--source=../c", "--exclude=--x", "--exclude", "*.log", "--wait", "5m", "--level", "7"],
      ...[
        "--no-verify",
        "--strict",
        "--no-include-workspace",
        "--label",
        "nightly",
        "--output",
        "out",
        "--daily",
        "04:00",
      ],
    );
    expect(carried).to.have.members([
      ...["--source=/a b", "--source=/c", "--exclude=--x", "--exclude=*.log", "--wait=300000ms", "--level=7"],
      ...["--no-verify", "--strict", "--no-include-workspace", "--label=nightly"],
    ]);
    expect(create).to.deep.include({ sources: ["a b", "../c"], waitMs: 300_000, verify: false, output: "out" });
  });

  it("carries where keys are, and recipients as they are", async () => {
    const args = ["--encrypt-to", "age1abc", "--encrypt-to", "keys.txt", "--prometheus", "x.prom"];
    const { carried, prometheus } = await printed(...args);
    expect(carried).to.deep.equal(["--encrypt-to=age1abc", "--encrypt-to=/keys.txt", "--prometheus=/x.prom"]);
    expect(prometheus).to.equal("x.prom");
    expect((await printed("--passphrase-file", "pass")).carried).to.deep.equal(["--passphrase-file=/pass"]);
  });

  it("carries a destination as it is from any directory, unless there is a secret in it", async () => {
    expect((await printed("--to", "rclone:nas:backups")).carried).to.deep.equal(["--to=rclone:nas:backups"]);
    expect((await printed("--to", "restic:repo")).carried).to.deep.equal(["--to=restic:/repo"]);
    const { shell, out, err } = collectingShell();
    for (const to of ["restic:rest:http://me:hidden@nas/", "rclone::sftp,host=nas,pass=hidden:x"]) {
      expect(await run(["schedule", "print", "--to", to], shell, only({}))).to.equal(64);
    }
    expect(err()).to.include("there is a secret in the destination");
    expect(out() + err()).not.to.include("hidden");
  });

  it("sounds an alarm by what is configured, and all the same where the configuration is bad", async () => {
    const unit = "holdstill.service";
    const about = { outcome: "failed", unit, result: "exit-code", exitCode: 4, lines: [] } as const;
    const notification = { url: "https://x", style: "plain", timeout: 1 } as const;
    for (const isBad of [false, true]) {
      const sounded: unknown[] = [];
      const { shell, err } = collectingShell();
      const cases = only({
        configure: async (options, config) => {
          expect(config).to.equal("/h.yaml");
          if (isBad) throw new HoldstillError("bad-configuration", "the configuration has a problem");
          const file = { path: "/h.yaml", given: {}, positions: {}, hooks: {}, notifications: [notification] };
          return effective({ options, environment: {}, file });
        },
        examineFailure: async () => about,
        soundAlarm: async (alarmed) => void sounded.push(alarmed),
      });
      const args = ["schedule", "alarm", "--system", "--config=/h.yaml", "--alarm=x", unit];
      expect(await run(args, shell, cases), err()).to.equal(0);
      expect(sounded).to.deep.equal([{ command: "x", notifications: isBad ? [] : [notification] }]);
      expect(err()).to.include("holdstill.service failed: exit code 4");
      expect(/nobody is notified, since the configuration has a problem/.test(err())).to.equal(isBad);
    }
  });

  it("prunes where somebody has said what to keep", async () => {
    expect((await printed("--keep-last", "3")).carried).to.deep.equal(["--keep-last=3", "--prune"]);
  });

  it("carries nothing where nothing was said", async () => {
    expect(await printed()).to.deep.include({ carried: [], scope: "user", runAs: undefined, cron: false });
  });

  for (const args of [
    ["schedule"],
    ["schedule", "frobnicate"],
    ["schedule", "print", "operand"],
    ["schedule", "print", "--system"],
    ["schedule", "print", "--run-as", "claw"],
    ["schedule", "print", "--user", "--system", "--run-as", "claw"],
    ["schedule", "print", "--cron", "--unit-dir", "x"],
    ["schedule", "print", "--dry-run"],
    ["schedule", "print", "--passphrase"],
    ["schedule", "install", "--calendar"],
    ["schedule", "status", "--user", "--system"],
  ]) {
    it(`refuses "${args.join(" ")}" with 64`, async () => {
      const { shell, err } = collectingShell();
      expect(await run(args, shell, only({}))).to.equal(64);
      expect(err()).to.match(/^holdstill: ./m);
    });
  }

  for (const [what, changes, code] of [
    ["0 where the timer is armed and nothing ran yet", {}, 0],
    ["3 where the timer is not armed", { armed: false }, 3],
    [
      "3 where the last run failed",
      {
        lastRun: {
          started: "2026-11-25T03:00:00.000Z",
          ended: "2026-11-25T03:00:01.000Z",
          exitCode: 4,
          result: "exit-code",
        },
      },
      3,
    ],
  ] as const) {
    it(`status ends with ${what}`, async () => {
      const { shell, out } = collectingShell();
      const cases = only({ scheduleStatus: async () => ({ ...ARMED, ...changes }) });
      expect(await run(["schedule", "status"], shell, cases)).to.equal(code);
      expect(out()).to.include(
        changes && "armed" in changes ? "The timer is not armed." : "Next run: 2026-11-26 03:00:00 UTC",
      );
    });
  }

  it("goes idle when a run in the background has frozen, and not before", async () => {
    const { shell, err } = collectingShell();
    const order: string[] = [];
    const cases = only({
      goIdle: async () => {
        order.push("idle");
        return "no ionice";
      },
      create: async (_options, { onEvent }) => {
        onEvent({ type: "phase", phase: "freeze" });
        order.push("frozen");
        onEvent({ type: "phase", phase: "archive" });
        await Promise.resolve();
        throw new Error("enough");
      },
    });
    await run(["create", "--background"], shell, cases);
    expect(order).to.deep.equal(["frozen", "idle"]);
    expect(err()).to.contain("holdstill: warning: no ionice");
  });
});
