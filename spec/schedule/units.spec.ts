import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { MEANINGS } from "../../lib/cli/exit-code.js";
import { cronLines } from "../../lib/schedule/cron.js";
import type { Schedule } from "../../lib/schedule/schedule.js";
import { isOurs, LASTING, unitsOf } from "../../lib/schedule/units.js";
import { tmpDirectory } from "../helpers/tree.js";

const NIGHTLY: Schedule["when"] = {
  calendar: "*-*-* 03:30:00",
  daily: { hour: 3, minute: 30 },
  period: 86_400,
  delay: undefined,
};

const SYSTEM: Schedule = {
  scope: "system",
  runAs: "daemon",
  when: NIGHTLY,
  command: [process.execPath, "/opt/hold still/main.js", "create", "--source=/srv/100%/$x"],
  alarm: [process.execPath, "/opt/hold still/main.js", "schedule", "alarm"],
  environment: { OPENCLAW_STATE_DIR: "/srv/a b" },
  sources: ["/srv/100%/$x"],
  writable: ["/srv/100%", "/backup"],
  usesTmp: false,
  network: false,
};
const USER: Schedule = { ...SYSTEM, scope: "user", runAs: undefined };

function textOf(schedule: Schedule, name: string): string {
  return unitsOf(schedule).find((unit) => unit.name === name)?.text ?? "";
}
const service = (schedule: Schedule) => textOf(schedule, "holdstill.service").split("\n");
const timer = (when: Schedule["when"]) => textOf({ ...SYSTEM, when }, "holdstill.timer").split("\n");

describe("units", () => {
  it("carry the command, the user and the environment, quoted", () => {
    expect(service(SYSTEM)).to.include.members([
      `ExecStart=${process.execPath} "/opt/hold still/main.js" create --source=/srv/100%%/$$x`,
      "User=daemon",
      'Environment="OPENCLAW_STATE_DIR=/srv/a b"',
      "RequiresMountsFor=/srv/100%%/$x /srv/100%% /backup",
      "ReadWritePaths=/srv/100%%",
      "ReadWritePaths=/backup",
      "OnFailure=holdstill-alarm@%n.service",
      "Type=oneshot",
    ]);
    expect(textOf(SYSTEM, "holdstill-alarm@.service")).to.contain('"/opt/hold still/main.js" schedule alarm %i\n');
  });

  it("make up for missed runs, and spread a tenth of the time between two", () => {
    expect(timer(NIGHTLY)).to.include.members([
      "OnCalendar=*-*-* 03:30:00",
      "Persistent=true",
      "RandomizedDelaySec=600s",
      "FixedRandomDelay=true",
      "WantedBy=timers.target",
    ]);
    expect(timer({ calendar: "x", daily: undefined, period: 300, delay: undefined })).to.include(
      "RandomizedDelaySec=30s",
    );
    expect(timer({ calendar: "x", daily: undefined, period: undefined, delay: 7 })).to.include("RandomizedDelaySec=7s");
  });

  it("try again after every code but those of lasting failures", () => {
    const temporary = [11, 13];
    // 0 and 143 are no failures.
    const lasting = MEANINGS.map(({ code }) => code).filter((code) => ![0, 143, ...temporary].includes(code));
    expect(LASTING.filter((code) => code !== 1)).to.deep.equal(lasting);
    expect(service(SYSTEM)).to.include.members(["Restart=on-failure", `RestartPreventExitStatus=${LASTING.join(" ")}`]);
  });

  for (const period of [10, 60, 300, 3600, 86_400]) {
    it(`allow all tries, and all that the timer asks for, every ${period} s`, () => {
      const lines = service({ ...SYSTEM, when: { calendar: "x", daily: undefined, period, delay: undefined } });
      const value = (name: string) =>
        parseInt(lines.find((line) => line.startsWith(`${name}=`))?.split("=")[1] ?? "", 10);
      const [burst, interval, again] = ["StartLimitBurst", "StartLimitIntervalSec", "RestartSec"].map(value) as [
        number,
        number,
        number,
      ];
      expect((burst - 1) * again).to.be.below(interval);
      expect(Math.ceil(interval / period)).to.be.at.most(burst);
    });
  }

  it("say why, wherever a directive is left out", () => {
    const left = [...service(SYSTEM), ...service(USER)].filter((line) => line.startsWith("# Left out:"));
    expect(left).to.have.length.above(5);
    for (const line of left) expect(line).to.match(/^# Left out: [^:]+: .{15,}\.$/);
  });

  it("keep /tmp and the network only where they are needed", () => {
    expect(service(SYSTEM)).to.include.members(["PrivateTmp=true", "PrivateNetwork=true"]);
    expect(service({ ...SYSTEM, usesTmp: true })).to.not.include("PrivateTmp=true");
    expect(service({ ...SYSTEM, network: true })).to.not.include("PrivateNetwork=true");
  });

  it("are known to be ours", () => {
    for (const { text } of [...unitsOf(SYSTEM), ...unitsOf(USER)]) expect(isOurs(text)).to.equal(true);
    expect(isOurs("[Unit]\nDescription=[X-Holdstill]\n")).to.equal(false);
  });

  for (const [what, schedule, most] of [
    ["a user", SYSTEM, 10],
    ["a user who needs the network", { ...SYSTEM, network: true }, 20],
    ["root", { ...SYSTEM, runAs: "root" }, 20],
  ] as const) {
    it(`are sound to systemd, and expose at most ${most / 10}, run by ${what}`, function () {
      const directory = tmpDirectory();
      const paths = unitsOf(schedule).map(({ name, text }) => {
        writeFileSync(join(directory, name), text);
        return join(directory, name);
      });
      const verified = spawnSync("systemd-analyze", ["verify", ...paths], { encoding: "utf8" });
      if (verified.error) return this.skip();
      expect(verified.stderr).to.equal("");
      const args = ["security", "--offline=true", `--threshold=${most}`, join(directory, "holdstill.service")];
      const { status, stdout } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
      expect(status, stdout).to.equal(0);
    });
  }

  it("have a line of cron in their place", () => {
    const command = `${process.execPath} '/opt/hold still/main.js' create '--source=/srv/100\\%/$x' --quiet`;
    const env = "env 'OPENCLAW_STATE_DIR=/srv/a b'";
    expect(cronLines(USER).at(-1)).to.equal(`30 3 * * * ${env} ${command}`);
    expect(cronLines(SYSTEM).at(-1)).to.equal(`30 3 * * * daemon ${env} ${command}`);
    expect(() => cronLines({ ...USER, when: { ...NIGHTLY, daily: undefined } })).to.throw("cron has no word");
  });
});
