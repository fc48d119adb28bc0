import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { FileLine } from "../../lib/archive/index.js";
import type { VerifyReport } from "../../lib/verify.js";
import { pinsWithin, startWriter, type Writer } from "../helpers/database-writer.js";
import { skip } from "../helpers/mounts.js";
import { created, faultsOfPair, holdstill, measured, PAIR, table, type Measured } from "../helpers/openclaw-backups.js";
import { environment, installed, openclaw, run, startGateway } from "../helpers/openclaw-program.js";
import type { Gateway, Program } from "../helpers/openclaw-program.js";
import { judgeSessions, startSessions, type SessionWriter } from "../helpers/openclaw-sessions.js";
import { isHealthy, keepTurning, listedSessions, makeWorld, SESSIONS } from "../helpers/openclaw-world.js";
import { startRestored, turn, type World } from "../helpers/openclaw-world.js";

const SESSION_FILES = 2000;
const DATABASE_MIB = 35;
const MOST_TURNS = 24;

/** What stands in the restored workspace, whatever else OpenClaw keeps there. */
const KEPT = { "notes.tmp": "not to be lost\n", "notes/today.md": "# today\n" };

/** An archive as `openclaw backup restore` laid it out. */
interface Restored {
  /** Holds what absolute paths lead to, as if it were `/`. */
  readonly payload: string;
  readonly index: readonly Record<string, unknown>[];
}

/** Everything at once, as in life: a gateway that talks to a model, old session files and a database, all written to. */
/** Of the table; more give better numbers: `HOLDSTILL_ROUNDS=3 npm run test:interop`. */
const ROUNDS = Number(process.env["HOLDSTILL_ROUNDS"] ?? 1);

describe("the real OpenClaw", function () {
  this.timeout(600_000);
  let root: string;
  let program: Program;
  let world: World;
  let sessions: SessionWriter;
  let databases: Writer | undefined;
  let gateway: Gateway;
  let turns: { readonly stop: () => Promise<number> } | undefined;
  /** The last archive that was restored, and what the gateway listed when it was made. */
  let last: { readonly restored: Restored; readonly listed: readonly string[] } | undefined;
  const undo: (() => Promise<unknown>)[] = [];

  before(async function () {
    program = installed(this);
    root = realpathSync(mkdtempSync(join(tmpdir(), "holdstill-openclaw-")));
    world = await makeWorld(program, root);
    undo.push(world.model.stop);
    gateway = await startGateway(program, world);
    undo.push(() => gateway.stop());
    for (const key of SESSIONS) await turn(program, world, key, `the first of ${key}`);

    sessions = await startSessions(world.sessionsDir, SESSION_FILES);
    undo.push(() => sessions.stop());
    const [first, second] = PAIR.map((name) => join(world.memoryDir, name));
    databases = await startWriter({
      paths: [first ?? "", second ?? ""],
      ...{ journalMode: "wal", size: DATABASE_MIB },
    });
    undo.push(async () => databases?.stop());
    turns = keepTurning(program, world, MOST_TURNS);
    undo.push(async () => turns?.stop());
  });

  after(async () => {
    const failures: unknown[] = [];
    for (const act of undo.reverse()) await act().catch((error: unknown) => failures.push(error));
    if (root) rmSync(root, { recursive: true, force: true });
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
  });

  for (const [index, compress] of (["zstd", "gzip", "zstd"] as const).entries()) {
    it(`verifies and restores what holdstill took of it while it ran, ${compress}, time ${index + 1}`, async () => {
      const listed = await listedSessions(program, world);
      const before = world.model.requests.length;
      const run = { from: Date.now(), to: 0 };
      const output = join(root, "archives");
      const report = await created(world, "--output", output, "--compress", compress);
      run.to = Date.now();
      expect(report).to.deep.include({ complete: true, warnings: [], upstream: { verifiable: true, reasons: [] } });
      expect(readdirSync(world.live).sort()).to.deep.equal(["outside", "state"]);

      expect(await openclaw(program, world, "backup", "verify", report.archive)).to.match(/^Backup archive OK/);
      const restored = await restore(report.archive, `restored-${index}`);
      const { livedThrough, found, faults } = judgeSessions(
        await sessions.record(),
        run,
        join(restored.payload, world.sessionsDir),
      );
      expect(faults).to.deep.equal([]);
      expect(livedThrough).to.be.greaterThan(SESSION_FILES / 2);
      const pins = pinsWithin(momentsOf(restored.index), report.frozen.databaseSkewMs);
      expect(await faultsOfPair(join(restored.payload, world.memoryDir), pins)).to.deep.equal([]);
      for (const [name, content] of Object.entries(KEPT)) {
        expect(readFileSync(join(restored.payload, world.live, "outside/workspace", name), "utf8")).to.equal(content);
      }
      expect(existsSync(join(restored.payload, world.live, "outside/second-agent/notes.json"))).to.equal(true);
      const whatsapp = "credentials/whatsapp/default";
      expect(readdirSync(join(restored.payload, world.state, whatsapp)).sort()).to.deep.equal(
        readdirSync(join(world.state, whatsapp)).sort(),
      );
      last = { restored, listed };
      const asked = world.model.requests.length - before;
      const { ms, databaseSkewMs } = report.frozen;
      process.stdout.write(
        `      ${found} session files, ${livedThrough} of them there all the time; frozen in ${ms} ms, databases within ` +
          `${databaseSkewMs} ms; ${JSON.stringify(report.verdicts)}; ${asked} turns meanwhile\n`,
      );
    });
  }

  it("is backed up by holdstill with its sessions and databases: beside its own backup, a table", async function () {
    if (!existsSync("/usr/bin/time")) skip(this, "GNU time is not installed; scripts/interop-setup.sh installs it");
    const rows: Measured[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (const which of ["holdstill", "openclaw"] as const) {
        rows.push(await measured(program, world, which, join(root, `measured-${which}-${round}`)));
      }
    }
    process.stdout.write(table(rows));
    const own = rows.filter((row) => row.program.startsWith("holdstill")).map(({ found }) => found);
    for (const found of own) {
      if (typeof found === "string") throw new Error(found);
      expect(found.intact).to.equal(PAIR.length);
      expect(found.sessionFiles).to.be.greaterThan(SESSION_FILES / 2);
    }
  });

  it("refuses names that differ in case only, as holdstill says it will, and holdstill keeps both", async () => {
    const keys = "credentials/whatsapp/default";
    const twins = ["app-state-sync-key-AAAAaa.json", "app-state-sync-key-AAAAAA.json"];
    for (const name of twins) writeFileSync(join(world.state, keys, name), `${name}\n`);
    try {
      const report = await created(world, "--output", join(root, "twins"));
      expect(report.complete).to.equal(true);
      expect(report.upstream.verifiable).to.equal(false);
      expect(report.upstream.reasons).to.have.lengthOf(1);
      for (const name of twins) expect(report.upstream.reasons[0]).to.include(name);

      const refused = await run(
        program.node,
        [program.openclaw, "backup", "verify", report.archive],
        environment(world),
      );
      expect(refused.code).to.equal(1);
      expect(refused.err + refused.out).to.match(/app-state-sync-key/i);
      const shown = await run("tar", ["-xOf", report.archive, "--wildcards", "*/app-state-sync-key-*"], process.env);
      expect(shown.out.trim().split("\n").sort()).to.deep.equal([...twins].sort());
    } finally {
      for (const name of twins) rmSync(join(world.state, keys, name));
    }
  });

  it("makes archives that holdstill verifies, and says what it could not check of them", async () => {
    await databases?.stop();
    databases = undefined;
    const output = join(root, "upstream");
    mkdirSync(output);
    await openclaw(program, world, "backup", "create", "--output", output);
    const [name = ""] = readdirSync(output);
    const archive = join(output, name);

    const { out } = await holdstill(world, "verify", "--json", archive);
    const report = JSON.parse(out) as VerifyReport;
    expect(report, out).to.deep.include({ archive, ok: true, holdstill: false });
    expect(report.files).to.be.greaterThan(3000);
    expect(report.unchecked).to.include.members([
      "There are no digests in this archive: the contents of its files could not be compared.",
      "There is no list of its entries: what is missing inside an asset could not be seen.",
    ]);

    writeFileSync(archive, readFileSync(archive).subarray(0, -1000));
    expect((await holdstill(world, "verify", archive)).code).to.equal(4);
  });

  it("starts a gateway on a restored state, healthy, with the same sessions and what was said in them", async () => {
    if (last === undefined) throw new Error("nothing was restored");
    expect(await turns?.stop()).to.be.greaterThan(0);
    turns = undefined;
    await gateway.stop();
    await sessions.stop();
    // Nothing of what the gateway shows now can come from the original.
    renameSync(world.live, join(root, "lost"));

    const to = join(last.restored.payload, world.live);
    const place = { home: join(root, "second-home"), state: join(to, "state") };
    gateway = await startRestored(program, place, { from: world.live, to });
    expect(await isHealthy(program, place)).to.equal(true);
    // In a gateway that runs for long OpenClaw begins one of its own.
    const ours = last.listed.filter((session) => !session.startsWith("agent:main:main "));
    expect(ours).to.have.lengthOf(SESSIONS.length);
    expect(await listedSessions(program, place)).to.deep.equal(last.listed);
    await turn(program, place, SESSIONS[0], "do you remember?");
    expect(world.model.requests.at(-1)).to.include("do you remember?").and.to.include(`the first of ${SESSIONS[0]}`);
    expect(existsSync(world.live)).to.equal(false);
  });

  async function restore(archive: string, name: string): Promise<Restored> {
    const target = join(root, name);
    const told = await openclaw(program, world, "backup", "restore", archive, "--target", target, "--json");
    const { archiveRoot } = JSON.parse(told) as { readonly archiveRoot: string };
    const lines = readFileSync(join(target, archiveRoot, "holdstill/index.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    return {
      payload: join(target, archiveRoot, "payload/posix"),
      index: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    };
  }
});

/** When each of the pair was pinned, as the index tells it. */
function momentsOf(index: Restored["index"]): number[] {
  const lines = index.filter(({ path }) => PAIR.some((name) => path === `memory/${name}`));
  expect(lines).to.have.lengthOf(PAIR.length);
  return lines.map((line) => {
    const { method, at } = (line as unknown as FileLine).capture;
    expect(method).to.equal("database");
    return Date.parse(at);
  });
}
