import { chmodSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { generateKey } from "../lib/age/header.js";
import { doctor, type DoctorOptions, type Finding } from "../lib/doctor.js";
import { run } from "../lib/cli/program.js";
import { findingLines } from "../lib/report/doctor-text.js";
import type { Surroundings } from "../lib/surroundings.js";
import { collectingShell, only } from "./cli/collecting-shell.js";
import { disk } from "../lib/filesystem.js";
import { fsWith, refuse } from "./helpers/port.js";
import { createFrom, DEFAULTS, surroundings } from "./helpers/run.js";
import { contents, tmpTree } from "./helpers/tree.js";
import { fakeSystemd } from "./schedule/fake-systemd.js";

/** No unit of this machine's own is looked for. */
const NOTHING_SCHEDULED = fsWith({
  openRead: (path) => (path.startsWith("/etc/systemd/") ? refuse("ENOENT")() : disk.openRead(path)),
});

const DAY = 26 * 3_600_000;

async function examine(
  source: string,
  replaced: Partial<Surroundings> = {},
  asked: Partial<Omit<DoctorOptions, "create">> = {},
): Promise<readonly Finding[]> {
  const around = surroundings({ fs: NOTHING_SCHEDULED, ...replaced });
  const create = { ...DEFAULTS, sources: [source], output: `${source}-archives` };
  const { outcome, findings } = await doctor({ create, maxAgeMs: DAY, identities: [], ...asked }, around);
  expect(outcome).to.equal(findings.some(({ level }) => level === "bad") ? "ailing" : "healthy");
  return findings;
}

const about = (all: readonly Finding[], check: string) =>
  all.filter((finding) => finding.check === check).map(({ level, text }) => `${level}: ${text}`);

describe("doctor", () => {
  it("finds a fresh machine healthy, tries SQLite and the stage, and leaves no trace in the tree", async () => {
    const source = tmpTree({ "a.txt": "a" });
    const parent = join(source, "..");
    const before = contents(parent);
    const all = await examine(source);
    expect(about(all, "node").slice(0, 2).join()).to.match(/^ok: Node [\d.]+,ok: SQLite databases can be copied$/);
    expect(about(all, "source")).to.have.length(1);
    expect(about(all, "source")[0]).to.match(/^ok: \/.*\/source \(\w+\): files are (linked|cloned), stage beside it$/);
    expect(about(all, "freshness")).to.deep.equal([
      `warn: Nothing is fresh: there is no archive directory ${source}-archives.`,
    ]);
    expect(about(all, "timer")).to.deep.equal(["warn: nothing is scheduled here by holdstill"]);
    expect(contents(parent)).to.deep.equal(before);
  });

  it("tells where files can only be copied, and where there is no room for that", async () => {
    const source = tmpTree({ "a.txt": "a".repeat(1000) });
    const copying = { ...NOTHING_SCHEDULED, link: refuse("EPERM"), reflink: refuse("ENOTSUP") };
    expect(about(await examine(source, { fs: copying }), "source")[0]).to.match(/^warn: .* can only be copied/);
    const full = { ...copying, space: () => ({ total: 10_000, available: 1400 }) };
    const [, room] = about(await examine(source, { fs: full }), "source");
    expect(room).to.match(/^bad: .*: copies take 1000 B, and 900 B may be used$/);
  });

  it("warns of a secret key that others can read, and of the only one that lies beside the backups", async () => {
    const source = tmpTree({ "a.txt": "a" });
    const archives = `${source}-archives`;
    mkdirSync(archives);
    const [beside, apart] = [join(archives, "key.txt"), join(source, "../key.txt")];
    writeFileSync(beside, "", { mode: 0o600 });
    writeFileSync(apart, "", { mode: 0o640 });
    expect(about(await examine(source, {}, { identities: [beside] }), "keys")).to.deep.equal([
      `warn: the only secret key known here lies beside the backups, and is lost with them: ${beside}`,
    ]);
    expect(about(await examine(source, {}, { identities: [beside, apart] }), "keys")).to.deep.equal([
      `warn: others can read the secret key ${apart}`,
    ]);
    expect(about(await examine(source, {}, { identities: [join(source, "none")] }), "keys")).to.deep.equal([
      `bad: there is no secret key ${join(source, "none")}`,
    ]);
    const { identity } = await generateKey();
    writeFileSync(join(archives, "id.txt"), `# public key: …\n${identity}\n`, { mode: 0o600 });
    expect(about(await examine(source, {}), "keys")).to.deep.equal([
      `warn: the only secret key known here lies beside the backups, and is lost with them: ${join(archives, "id.txt")}`,
    ]);
  });

  it("warns of the only secret key that lies in what is backed up", async () => {
    const source = tmpTree({ "a.txt": "a", keys: { "key.txt": "" } });
    const [inside, apart] = [join(source, "keys/key.txt"), join(source, "../key.txt")];
    chmodSync(inside, 0o600);
    writeFileSync(apart, "", { mode: 0o600 });
    expect(about(await examine(source, {}, { identities: [inside] }), "keys")).to.deep.equal([
      `warn: the only secret key known here lies in what is backed up, and is lost with it: ${inside}`,
    ]);
    expect(about(await examine(source, {}, { identities: [inside, apart] }), "keys")).to.deep.equal([]);
  });

  it("finds that an archive does not fit", async () => {
    const source = tmpTree({ "a.txt": "a".repeat(1000) });
    const full = { ...NOTHING_SCHEDULED, space: () => ({ total: 10_000, available: 999 }) };
    expect(about(await examine(source, { fs: full }), "archives")).to.include(
      "bad: 999 B are free for archives; the next takes about 1000 B",
    );
  });

  it("tells by the same measure as status whether a backup is fresh, and for as long as was asked for", async () => {
    const source = tmpTree({ "a.txt": "a" });
    const { archive } = await createFrom(source, { output: `${source}-archives` });
    const made = Date.now();
    const freshness = async (hours: number, maxAgeMs = DAY) =>
      about(await examine(source, { now: () => made + hours * 3_600_000 }, { maxAgeMs }), "freshness").join("\n");
    expect(await freshness(1)).to.match(/^ok: Fresh: the last complete, verified backup is 60 min old\.$/);
    expect(await freshness(27)).to.match(/^bad: Stale: the last complete, verified backup is 27 h old, and 26 h /);
    expect(await freshness(27, 2 * DAY)).to.match(/^ok: Fresh/);
    expect(await freshness(1, 1000)).to.match(/^bad: Stale/);
    expect(await freshness(-1)).to.equal(
      `bad: Nothing is fresh: no archive in ${source}-archives is complete and verified.\n` +
        `warn: ${archive} is from the future, and does not count`,
    );
    // Of its files, not of its name or time: status would not count it either.
    writeFileSync(archive, "damage", { flag: "a" });
    expect(await freshness(1)).to.match(/^bad: Nothing is fresh/);
  });

  it("does not take an archive for fresh that was not read back", async () => {
    const source = tmpTree({ "a.txt": "a" });
    await createFrom(source, { output: `${source}-archives`, verify: false });
    expect(about(await examine(source), "freshness").join()).to.match(/^bad: Nothing is fresh: no archive in /);
  });

  it("finds an open archive directory, and what killed runs have left", async () => {
    const source = tmpTree({ "a.txt": "a" });
    const output = `${source}-archives`;
    mkdirSync(output);
    chmodSync(output, 0o755);
    writeFileSync(join(output, ".x.tar.zst.partial"), "");
    const stage = join(source, "..", ".holdstill-stage-0123456789abcdef-999999999-1");
    mkdirSync(stage, { mode: 0o700 });
    const all = await examine(source);
    expect(about(all, "archives").join("\n")).to.contain("is open to other users").and.to.contain("1 unfinished");
    expect(all.find(({ fix }) => fix === `chmod 700 ${output}`)).to.have.property("level", "warn");
    expect(about(all, "source")).to.include(`warn: ${stage} is the stage of a run that was killed`);
  });

  it("finds an archive directory that cannot be written, or made, and one that is a file", async () => {
    const source = tmpTree({ "a.txt": "a" });
    const output = `${source}-archives`;
    const fs = { ...NOTHING_SCHEDULED, assertWritable: refuse("EACCES") };
    const badOf = async (replaced: Partial<Surroundings>) =>
      (await examine(source, replaced)).filter(({ check, level }) => check === "archives" && level === "bad");
    const fix = "See to its owner and mode, or choose another --output.";
    const bad = { check: "archives", level: "bad" };
    expect(await badOf({ fs })).to.deep.equal([
      { ...bad, text: `${output} cannot be made: ${join(source, "..")} cannot be written (EACCES)`, fix },
    ]);
    mkdirSync(output, { mode: 0o700 });
    expect(await badOf({})).to.deep.equal([]);
    expect(await badOf({ fs })).to.deep.equal([{ ...bad, text: `${output} cannot be written (EACCES)`, fix }]);
    rmdirSync(output);
    writeFileSync(output, "");
    expect((await badOf({})).map(({ text }) => text)).to.deep.equal([`${output} is no directory`]);
  });

  it("finds a source that is not there, and goes on with the rest", async () => {
    const all = await examine("/nowhere/at/all");
    expect(about(all, "source").join()).to.match(/^bad: .*\/nowhere\/at\/all/);
    expect(about(all, "engines")).to.have.length(3);
  });

  it("finds a timer that is not armed", async () => {
    const { env } = fakeSystemd({ '*"-- holdstill.timer"': "echo ActiveState=inactive" });
    const around = surroundings({ env });
    const units = join(around.homedir, ".config/systemd/user");
    mkdirSync(units, { recursive: true });
    writeFileSync(join(units, "holdstill.timer"), "[X-Holdstill]\n");
    const all = await examine(tmpTree({ "a.txt": "a" }), around);
    expect(about(all, "timer")).to.deep.equal(["bad: the timer is not armed"]);
  });

  it("says what to do about a timer that stands still without a session", async () => {
    const { env } = fakeSystemd(
      { '*"-- holdstill.timer"': "echo ActiveState=active; echo UnitFileState=enabled" },
      "no",
    );
    const around = surroundings({ env });
    const units = join(around.homedir, ".config/systemd/user");
    mkdirSync(units, { recursive: true });
    writeFileSync(join(units, "holdstill.timer"), "[X-Holdstill]\n");
    const warned = (await examine(tmpTree({ "a.txt": "a" }), around)).filter(
      ({ check, level }) => check === "timer" && level === "warn",
    );
    expect(warned.map(({ fix }) => fix?.split(";")[0])).to.deep.equal(["loginctl enable-linger"]);
  });

  for (const [outcome, code] of [
    ["healthy", 0],
    ["ailing", 3],
  ] as const) {
    it(`ends with ${code} where it finds the machine ${outcome}`, async () => {
      const { shell, out } = collectingShell();
      const findings = [{ check: "x", level: "warn", text: "so", fix: "do this" } as const];
      expect(await run(["doctor"], shell, only({ doctor: async () => ({ outcome, findings }) }))).to.equal(code);
      expect(out()).to.equal(`${findingLines(findings).join("\n")}\n`);
      expect(out()).to.equal("warn  so\n      do this\n");
    });
  }
});
