import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { describeOwner, isDead, parseOwner, startTimeOf, thisProcess, type Owner } from "../../lib/vault/owner.js";

const HOUR = 3_600_000;

const owner: Owner = {
  id: "0123456789abcdef",
  host: "a".repeat(32),
  hostname: "alpha",
  boot: "boot-1",
  pidNamespace: "pid:[1]",
  pid: 1234,
  startTime: "777",
  since: "2026-11-23T10:00:00.000Z",
};
const me: Owner = { ...owner, id: "fedcba9876543210", pid: 4321, startTime: "888" };

const nobody = () => undefined;
const startedAt = (startTime: string) => (pid: number) => (pid === owner.pid ? startTime : undefined);

/** Without a heartbeat for so long that an owner elsewhere would be given up. */
function diedHere(changes: Partial<Owner>, processes: (pid: number) => string | undefined): boolean {
  return isDead({ ...owner, ...changes }, me, 0, 2 * HOUR, processes);
}

describe("isDead", () => {
  it("finds an owner alive while its process runs, however old its heartbeat", () => {
    expect(diedHere({}, startedAt("777"))).to.equal(false);
  });

  it("finds an owner dead whose process is gone, however young its heartbeat", () => {
    expect(isDead(owner, me, HOUR, HOUR, nobody)).to.equal(true);
  });

  it("finds an owner dead whose number went to another process", () => {
    expect(isDead(owner, me, HOUR, HOUR, startedAt("778"))).to.equal(true);
  });

  it("finds an owner of an earlier boot dead whose process is gone, and one in another pid namespace", () => {
    expect(isDead({ ...owner, boot: "boot-0" }, me, HOUR, HOUR, nobody)).to.equal(true);
    expect(isDead({ ...owner, boot: "boot-0" }, me, HOUR, HOUR, startedAt("778"))).to.equal(true);
    expect(isDead({ ...owner, boot: "boot-0", pidNamespace: "pid:[2]" }, me, HOUR, HOUR, nobody)).to.equal(true);
  });

  // A service in a sandbox sees another boot id than its container.
  for (const startTime of ["777", ""]) {
    it(`gives an owner of another boot whose process seems to run an hour too: started at "${startTime}"`, () => {
      const other = { ...owner, boot: "boot-0" };
      expect(isDead(other, me, HOUR, 2 * HOUR, startedAt(startTime))).to.equal(false);
      expect(isDead(other, me, HOUR, 2 * HOUR + 1, startedAt(startTime))).to.equal(true);
    });
  }

  it("does not guess from start times that are not told", () => {
    expect(diedHere({}, startedAt(""))).to.equal(false);
    expect(diedHere({ startTime: "" }, startedAt("777"))).to.equal(false);
  });

  it("asks for the process where the boot is not told", () => {
    expect(diedHere({ boot: "" }, startedAt("777"))).to.equal(false);
    expect(diedHere({ boot: "" }, nobody)).to.equal(true);
  });

  const elsewhere: [string, Partial<Owner>][] = [
    ["on another host", { host: "b".repeat(32), boot: "boot-9" }],
    ["on a copy of this machine under another name", { hostname: "beta", boot: "boot-9" }],
    ["in another pid namespace", { pidNamespace: "pid:[2]" }],
  ];
  for (const [where, changes] of elsewhere) {
    it(`gives an owner ${where} an hour since its last heartbeat`, () => {
      const other = { ...owner, ...changes };
      expect(isDead(other, me, HOUR, 2 * HOUR, nobody)).to.equal(false);
      expect(isDead(other, me, HOUR, 2 * HOUR + 1, nobody)).to.equal(true);
    });
  }
});

describe("startTimeOf", () => {
  let directory: string;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "holdstill-owner-"));
  });
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
    }
    rmSync(directory, { recursive: true });
  });

  /** A process that runs until its standard input ends, and has said so. */
  async function running(command: string, args: readonly string[]): Promise<[pid: number, output: string]> {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    children.push(child);
    const [output] = (await once(child.stdout, "data")) as [Buffer];
    return [child.pid ?? 0, output.toString()];
  }

  it("is the same at each call", () => {
    expect(startTimeOf(process.pid)).to.match(/^\d+$/).and.to.equal(startTimeOf(process.pid));
  });

  it("finds its field behind a program name with blanks and parentheses", async () => {
    const program = join(directory, "x) Z 1 (2 3");
    symlinkSync("/bin/sh", program);
    const [pid] = await running(program, ["-c", "echo up; read line"]);

    expect(readFileSync(`/proc/${pid}/comm`, "utf8")).to.equal("x) Z 1 (2 3\n");
    expect(Number(startTimeOf(pid))).to.be.at.least(Number(startTimeOf(process.pid)));
  });

  it("finds nothing where a process has ended", () => {
    expect(startTimeOf(spawnSync("true").pid)).to.equal(undefined);
  });

  it("takes a zombie for dead", async () => {
    const [parent, output] = await running("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
    const zombie = Number(output);
    // A shell buries its dead; sleep does not.
    while (readFileSync(`/proc/${parent}/comm`, "utf8") !== "sleep\n") await setImmediate();
    process.kill(zombie, "SIGKILL");
    while (startTimeOf(zombie) !== undefined) await setImmediate();

    expect(readFileSync(`/proc/${zombie}/stat`, "latin1")).to.contain(" Z ");
  });
});

describe("thisProcess", () => {
  it("names a living process, under another id at each call", () => {
    const first = thisProcess();
    expect(first).to.include({ pid: process.pid, hostname: hostname(), startTime: startTimeOf(process.pid) });
    expect(isDead(first, thisProcess(), 0, 2 * HOUR, startTimeOf)).to.equal(false);
    expect(first.id).not.to.equal(thisProcess().id);
  });

  it("survives being written and read", () => {
    const first = thisProcess();
    expect(parseOwner(JSON.stringify(first))).to.deep.equal(first);
  });
});

describe("parseOwner", () => {
  const malformed: [string, string][] = [
    ["nothing", ""],
    ["half an owner", JSON.stringify(owner).slice(0, 60)],
    ["null", "null"],
    ["a list", "[]"],
    ["a missing field", JSON.stringify({ ...owner, host: undefined })],
    ["a number for a text", JSON.stringify({ ...owner, startTime: 777 })],
    ["an id that leads out of its directory", JSON.stringify({ ...owner, id: "../../../../etc" })],
    ["a process group for a process", JSON.stringify({ ...owner, pid: -1 })],
    ["a text for a process", JSON.stringify({ ...owner, pid: "1234" })],
  ];
  for (const [what, text] of malformed) {
    it(`refuses ${what}`, () => {
      expect(parseOwner(text)).to.equal(undefined);
    });
  }
});

describe("describeOwner", () => {
  it("says which process, where and since when", () => {
    expect(describeOwner(owner)).to.equal("process 1234 on alpha since 2026-11-23T10:00:00.000Z");
  });
});
