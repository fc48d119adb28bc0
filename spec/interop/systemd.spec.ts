import { expect } from "chai";
import type { ScheduleStatus } from "../../lib/report/schedule-report.js";
import { machines, type Machine } from "../helpers/machine.js";

const STATE = "/home/claw/.openclaw";
const ARCHIVES = "/home/claw/.local/share/holdstill/openclaw";
const AS_CLAW = "runuser -u claw -- env HOME=/home/claw";

/** A gateway at work: appends, replaces, makes and deletes, a hundred times a second. */
const WRITER = `
const { appendFileSync, renameSync, unlinkSync, writeFileSync } = require("node:fs");
const sessions = "${STATE}/agents/main/sessions";
let n = 0;
setInterval(() => {
  appendFileSync(sessions + "/busy.jsonl", JSON.stringify({ n }) + "\\n");
  writeFileSync(sessions + "/sessions.json.tmp", JSON.stringify({ n }));
  renameSync(sessions + "/sessions.json.tmp", sessions + "/sessions.json");
  writeFileSync(sessions + "/s" + n + ".jsonl", "{}\\n");
  if (n >= 50) unlinkSync(sessions + "/s" + (n - 50) + ".jsonl");
  n += 1;
}, 10);
`;

/** Half a day from now, twice, so that nothing happens by itself while we look; a minute apart, so that delays are short. */
function faraway(): string {
  const hour = String((new Date().getUTCHours() + 12) % 24).padStart(2, "0");
  return `*-*-* ${hour}:00,01:00`;
}

describe("systemd", function () {
  const machine = machines();
  let claw: Machine;
  let pristine: string;

  /** Everything that a schedule could leave somewhere. */
  const traces = () =>
    claw.shell(
      "find /etc/systemd /var/lib/systemd/timers /var/cache /home/claw/.config -not -path '*/private*' | sort; " +
        "systemctl list-units --all --plain --no-legend 'holdstill*'",
    );
  const archives = () => claw.shell(`ls ${ARCHIVES}`).trim().split("\n").filter(Boolean);
  const journal = (options: string) => claw.shell(`journalctl --sync; journalctl -q -o cat ${options}`);
  const install = (options: string) => claw.shell(`holdstill schedule install --system --run-as claw ${options}`);
  const status = () => JSON.parse(claw.run("holdstill", "schedule", "status", "--json").out) as ScheduleStatus;

  /** Runs the service without its source, and waits until the alarm has sounded. */
  function failARun(): void {
    claw.shell(`mv ${STATE} ${STATE}.gone`);
    try {
      expect(claw.run("systemctl", "start", "holdstill.service").code).to.not.equal(0);
      claw.shell(
        "while systemctl is-active 'holdstill-alarm@holdstill.service.service' | grep -q activating; do sleep 0.2; done",
      );
    } finally {
      claw.shell(`mv ${STATE}.gone ${STATE}`);
    }
  }

  before(async function () {
    claw = machine(this);
    await claw.boot();
    claw.shell(`
      useradd --create-home claw
      ${AS_CLAW} mkdir -p ${STATE}/agents/main/sessions /home/claw/.config/systemd/user
      for n in $(seq 200); do echo '{"at":"rest"}' > ${STATE}/agents/main/sessions/old-$n.jsonl; done
      echo '{}' > ${STATE}/openclaw.json
      chown -R claw: /home/claw
    `);
    pristine = traces();
    claw.run("systemd-run", "--unit=writer", "--uid=claw", "node", "-e", WRITER);
  });

  afterEach(() => {
    claw.run("holdstill", "schedule", "remove", "--system");
    claw.run("rm", "-rf", "/run/systemd/system/holdstill.service.d", ARCHIVES);
  });

  it("makes a verified archive beside a live writer when the timer fires, by links, in its sandbox", async () => {
    const said = install("--calendar '*:*:0/10'");
    expect(said).to.match(/The timer is armed\. Next run: \d{4}-/);
    await claw.until(`ls ${ARCHIVES}/*.tar.* && systemctl is-active holdstill.service | grep -q inactive`);
    expect(status())
      .to.deep.include({ armed: true, running: null, scope: "system" })
      .and.to.have.nested.property("lastRun.exitCode", 0);
    claw.shell(`${AS_CLAW} holdstill verify --all --output ${ARCHIVES}`);
    expect(claw.shell(`stat -c '%U %a' ${ARCHIVES} ${ARCHIVES}/*.tar.*`)).to.match(/^claw 700\n(claw 600\n)+$/);
    const lines = journal("-u holdstill.service");
    expect(lines).to.match(/^Wrote .*-openclaw\.tar\./m);
    expect(lines).to.match(/^Frozen in .*\(\d+ linked\)/m);
    claw.shell("systemctl stop holdstill.timer; systemctl start holdstill.service");
    expect(claw.shell("systemctl show -P StatusText holdstill.service")).to.match(/^(freezing|archiving|verifying) /);
  });

  it("writes units that systemd has nothing to say about, and that expose little", () => {
    install("--daily 03:00");
    const units =
      "/etc/systemd/system/holdstill.service /etc/systemd/system/holdstill.timer '/etc/systemd/system/holdstill-alarm@.service'";
    expect(claw.run("bash", "-c", `systemd-analyze verify ${units}`)).to.deep.equal({ code: 0, out: "", err: "" });
    const exposure = claw.run(
      "systemd-analyze",
      "security",
      "--offline=true",
      "--threshold=20",
      "/etc/systemd/system/holdstill.service",
    );
    expect(exposure.code, exposure.out).to.equal(0);
    const calendar = claw.shell(
      "systemd-analyze calendar \"$(sed -n 's/^OnCalendar=//p' /etc/systemd/system/holdstill.timer)\"",
    );
    expect(calendar).to.contain("Normalized form: *-*-* 03:00:00");
    const [timer] = JSON.parse(claw.shell("systemctl list-timers --output=json holdstill.timer")) as Record<
      string,
      unknown
    >[];
    expect(timer).to.include({ unit: "holdstill.timer", activates: "holdstill.service" });
    expect(timer?.["next"]).to.be.above(Date.now() * 1000);
  });

  it("copies, and says so, where the sandbox leaves no place for a stage beside what is linked", () => {
    claw.shell("mkdir -p /srv/state; echo 1 > /srv/state/one.txt; chmod 755 /srv/state");
    install("--source /srv/state --output /home/claw/others --calendar hourly");
    claw.shell("systemctl start holdstill.service");
    expect(journal("-u holdstill.service")).to.match(/\(1 copied\)/);
    claw.shell("rm -r /srv/state /home/claw/others");
  });

  it("sounds the alarm when a run has failed, with how and what it said last", () => {
    install(`--calendar '${faraway()}' --alarm 'cat > /home/claw/alarm.json'`);
    failARun();
    const report = JSON.parse(claw.shell("cat /home/claw/alarm.json")) as Record<string, unknown>;
    expect(report).to.include({ outcome: "failed", unit: "holdstill.service", exitCode: 66 });
    expect(report["lines"]).to.include(`holdstill: there is no OpenClaw state directory: ${STATE}`);
    expect(journal("-p err -u 'holdstill-alarm@*'")).to.match(/^holdstill: holdstill\.service failed: exit code 66/m);
    expect(status()).to.have.nested.property("lastRun.result", "exit-code");
    expect(claw.run("holdstill", "schedule", "status").code).to.equal(3);
  });

  it("writes metrics from its sandbox, which others can read", () => {
    claw.shell("install -d -o claw -m 755 /srv/metrics");
    install(`--calendar '${faraway()}' --prometheus /srv/metrics/x.prom`);
    claw.shell("systemctl start holdstill.service");
    expect(claw.shell("stat -c '%U %a' /srv/metrics/x.prom")).to.equal("claw 644\n");
    expect(claw.shell("cat /srv/metrics/x.prom")).to.match(/^holdstill_last_run_exit_code\{.*\} 0$/m);
    claw.shell("rm -r /srv/metrics");
  });

  it("tells by its alarm who is configured to be told, though a run has no network", () => {
    claw.shell(`
      mkdir -p /etc/holdstill
      echo 'notifications: {url: "http://127.0.0.1:8099/uuid", timeout: 5s}' > /etc/holdstill/holdstill.yaml
      cat > /opt/hear.cjs <<'END'
      const { appendFileSync } = require("node:fs");
      require("node:http").createServer((request, response) => {
        request.on("data", (data) => appendFileSync("/opt/heard", request.url + " " + data));
        request.on("end", () => response.end());
      }).listen(8099, "127.0.0.1");
END
      systemd-run --quiet --unit=hear node /opt/hear.cjs
    `);
    install(`--calendar '${faraway()}'`);
    failARun();
    expect(claw.shell("cat /opt/heard")).to.match(/^\/uuid\/fail holdstill: holdstill\.service failed: exit code 66 /);
    claw.shell("systemctl stop hear; rm -r /etc/holdstill /opt/heard");
  });

  it("tries again later where another run holds the archive directory, and sounds no alarm", async () => {
    install(`--calendar '${faraway()}' --alarm 'touch /home/claw/alarmed'`);
    claw.shell(`
      mkdir -p /run/systemd/system/holdstill.service.d ${ARCHIVES}/.holdstill
      printf '[Service]\\nRestartSec=1s\\n' > /run/systemd/system/holdstill.service.d/soon.conf
      chown -R claw: ${ARCHIVES}; systemctl daemon-reload
      cat > /opt/hold.mjs <<'END'
      import { writeFileSync } from "node:fs";
      const { thisProcess } = await import("/opt/holdstill/node_modules/holdstill/dist/lib/vault/owner.js");
      writeFileSync("${ARCHIVES}/.holdstill/lock", JSON.stringify(thisProcess()));
      setInterval(() => {}, 1000);
END
      systemd-run --quiet --unit=holder node /opt/hold.mjs
      while ! [ -s ${ARCHIVES}/.holdstill/lock ]; do sleep 0.1; done
      systemctl start --no-block holdstill.service
    `);
    await claw.until("[ $(systemctl show -P NRestarts holdstill.service) -ge 1 ]");
    claw.shell("systemctl stop holder.service");
    await claw.until(`ls ${ARCHIVES}/*.tar.*`);
    expect(journal("-u holdstill.service")).to.match(/in use by process/);
    expect(claw.run("ls", "/home/claw/alarmed").code).to.not.equal(0);
  });

  it("runs each user's own timer without a session of theirs, where they linger", async () => {
    const args = "holdstill schedule install --user --calendar '*:*:0/10'";
    const refused = claw.run("bash", "-c", `cd /; ${AS_CLAW} ${args}`);
    expect(refused.code).to.equal(64);
    expect(refused.err).to.contain("enable-linger");
    claw.shell("systemctl start user@$(id -u claw).service");
    const warned = claw.run("bash", "-c", `cd /; ${AS_CLAW} ${args}`);
    expect(warned.code, warned.err).to.equal(0);
    expect(warned.err).to.contain("loginctl enable-linger claw");
    claw.shell("loginctl enable-linger claw");
    await claw.until(`ls ${ARCHIVES}/*.tar.*`);
    const told = claw.run("bash", "-c", `cd /; ${AS_CLAW} holdstill schedule status`);
    expect(told).to.include({ code: 0, err: "" });
    claw.shell(`cd /; ${AS_CLAW} holdstill schedule remove`);
  });

  it("leaves nothing when it is removed, and nobody else's unit is touched", () => {
    install("--daily 03:00 --now");
    claw.shell("holdstill schedule remove --system");
    expect(traces()).to.equal(pristine);
    claw.shell("echo '[Unit]' > /etc/systemd/system/holdstill.timer");
    const refused = claw.run("holdstill", "schedule", "install", "--system", "--run-as", "claw");
    expect(refused.code).to.equal(73);
    claw.shell("holdstill schedule remove --system; grep -q Unit /etc/systemd/system/holdstill.timer");
    claw.shell("rm /etc/systemd/system/holdstill.timer");
  });

  it("makes up for a run that was missed while the machine was off", async () => {
    install(`--calendar '${faraway()}'`);
    claw.shell("touch -d '3 days ago' /var/lib/systemd/timers/stamp-holdstill.timer");
    await claw.powerOff();
    await claw.boot();
    await claw.until(`ls ${ARCHIVES}/*.tar.*`);
    expect(archives()).to.have.length(1);
    expect(journal("-b -u holdstill.service")).to.match(/^Wrote /m);
  });
});
