import { lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { restore } from "../lib/restore.js";
import { foreign, inState } from "./helpers/hostile-archives.js";
import { AGENT, STATE, TABLES, database, openclawState, rows } from "./helpers/openclaw-state.js";
import { restoreInto } from "./helpers/restored.js";
import { DEFAULTS, createFrom, surroundings } from "./helpers/run.js";
import { create } from "../lib/create.js";
import { tmpDirectory, tmpTree } from "./helpers/tree.js";

async function backedUpState() {
  const home = tmpDirectory();
  const state = openclawState(home);
  const options = { ...DEFAULTS, sources: undefined, output: join(tmpDirectory(), "archives") };
  const { archive } = await create(options, surroundings({ homedir: home, env: { PATH: process.env["PATH"] } }));
  return { state, archive, target: join(tmpDirectory(), "target") };
}

describe("restore of an OpenClaw state", () => {
  it("takes leases and pending deliveries out of its databases, says so, and keeps their times", async () => {
    const { archive, target, state } = await backedUpState();
    const report = await restore(restoreInto(target, { archive, strip: true }), surroundings());
    expect(report.dropped).to.deep.equal({
      databases: 2,
      rows: { state_leases: 1, agent_database_leases: 0, delivery_queue_entries: 3 },
    });
    expect(report.complete).to.equal(true);
    expect(rows(join(target, STATE), "delivery_queue_entries", "state_leases", "kept")).to.deep.equal({
      delivery_queue_entries: 0,
      state_leases: 0,
      kept: 1,
    });
    const again = join(tmpDirectory(), "again");
    await restore(restoreInto(again, { archive, strip: true, keepDeliveries: true }), surroundings());
    for (const path of [STATE, AGENT]) {
      const micros = (root: string): bigint => lstatSync(join(root, path), { bigint: true }).mtimeNs / 1000n;
      expect(micros(target), path).to.equal(micros(again));
    }
    expect(report.nextSteps).to.include(`  mv -T ${target} ${state}`);
  });

  it("keeps them with --keep-deliveries", async () => {
    const { archive, target } = await backedUpState();
    const report = await restore(restoreInto(target, { archive, strip: true, keepDeliveries: true }), surroundings());
    expect(report.dropped).to.equal(undefined);
    expect(rows(join(target, STATE), "delivery_queue_entries")).to.deep.equal({ delivery_queue_entries: 3 });
  });

  it("leaves databases of other programs alone", async () => {
    const source = tmpTree({});
    database(join(source, STATE), TABLES);
    const { archive } = await createFrom(source);
    const target = join(tmpDirectory(), "target");
    const report = await restore(restoreInto(target, { archive, strip: true }), surroundings());
    expect(report.dropped).to.equal(undefined);
    expect(rows(join(target, STATE), "delivery_queue_entries")).to.deep.equal({ delivery_queue_entries: 3 });
  });

  it("leaves databases of others in the state alone, whatever their tables are called", async () => {
    const others = ["workspace/orders.db", "workspace-a/openclaw.sqlite", "tools.sqlite"];
    const file = join(tmpDirectory(), "x.sqlite");
    database(file, TABLES);
    const bytes = readFileSync(file).toString("latin1");
    const archive = join(tmpDirectory(), "backup.tar");
    writeFileSync(archive, foreign(...[...others, STATE].map((path) => inState(`/${path}`, {}, bytes))));
    const target = join(tmpDirectory(), "target");
    const report = await restore(restoreInto(target, { archive, strip: true }), surroundings());
    expect(report.dropped).to.deep.include({ databases: 1 });
    for (const path of others) expect(readFileSync(join(target, path), "latin1") === bytes, path).to.equal(true);
    expect(rows(join(target, STATE), "state_leases")).to.deep.equal({ state_leases: 0 });
  });

  it("opens no database that a journal lies beside: it may name files anywhere", async () => {
    const path = join(tmpDirectory(), "x.sqlite");
    database(path, TABLES);
    const bytes = readFileSync(path).toString("latin1");
    const archive = join(tmpDirectory(), "backup.tar");
    writeFileSync(
      archive,
      foreign(inState("/state/openclaw.sqlite", {}, bytes), inState("/state/openclaw.sqlite-journal", {}, "journal")),
    );
    const target = join(tmpDirectory(), "target");
    const report = await restore(restoreInto(target, { archive, strip: true }), surroundings());
    expect(report.complete).to.equal(false);
    expect(report.failed).to.deep.equal([
      { path: STATE, reason: "its leases and pending deliveries are still in it: a journal lies beside it" },
    ]);
    expect(readFileSync(join(target, STATE), "latin1") === bytes).to.equal(true);
  });

  it("names a database that cannot be opened, and restores it as it is", async () => {
    const broken = `SQLite format 3\0${"x".repeat(1024 - 16)}`;
    const archive = join(tmpDirectory(), "backup.tar");
    writeFileSync(archive, foreign(inState("/state/openclaw.sqlite", {}, broken)));
    const target = join(tmpDirectory(), "target");
    const { failed } = await restore(restoreInto(target, { archive, strip: true }), surroundings());
    expect(failed.map(({ path }) => path)).to.deep.equal([STATE]);
    expect(failed[0]?.reason).to.match(/^its leases and pending deliveries are still in it: /);
    expect(readFileSync(join(target, STATE), "latin1")).to.equal(broken);
  });
});
