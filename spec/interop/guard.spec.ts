import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { GuardReport } from "../../lib/guard.js";
import { environment, installed, type Ended, type Program } from "../helpers/openclaw-program.js";
import { gatewayService, type Service } from "../helpers/openclaw-service.js";
import { isHealthy, listedSessions, makeWorld, SESSIONS, turn, type World } from "../helpers/openclaw-world.js";
import { contents } from "../helpers/tree.js";

const HOLDSTILL = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));

/** What a new version does to the state of the old one: databases migrated, the configuration in a form of its own. */
const UPGRADE = `
import { readdirSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
const state = process.env.OPENCLAW_STATE_DIR;
const migrate = (path) => {
  const database = new DatabaseSync(path);
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'").all();
  for (const { name } of tables) {
    try { database.exec(\`ALTER TABLE "\${name}" RENAME TO "next_\${name}"\`); } catch {}
  }
  database.close();
};
migrate(join(state, "state/openclaw.sqlite"));
for (const agent of readdirSync(join(state, "agents"))) {
  try { migrate(join(state, "agents", agent, "agent/openclaw-agent.sqlite")); } catch {}
}
rmSync(join(state, "credentials"), { recursive: true, force: true });
writeFileSync(join(state, "openclaw.json"), "version: next\\n");
writeFileSync(join(state, "next-version"), "was here\\n");
`;

describe("guard with the real OpenClaw", function () {
  this.timeout(1_800_000);
  let root: string;
  let program: Program;
  let world: World;
  let service: Service;
  let output: string;
  const undo: (() => Promise<unknown>)[] = [];

  before(async function () {
    program = installed(this);
    root = realpathSync(mkdtempSync(join(tmpdir(), "holdstill-guard-openclaw-")));
    world = await makeWorld(program, root);
    undo.push(world.model.stop);
    service = gatewayService(program, world);
    output = join(root, "archives");
    undo.push(() => shell(service.stop));
    const { code, err } = await shell(service.start);
    if (code !== 0) throw new Error(`the gateway did not start: ${err}`);
    for (const key of SESSIONS) await turn(program, world, key, `the first of ${key}`);
  });

  after(async () => {
    const failures: unknown[] = [];
    for (const act of undo.reverse()) await act().catch((error: unknown) => failures.push(error));
    if (root) rmSync(root, { recursive: true, force: true });
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join("; "));
  });

  function env(): NodeJS.ProcessEnv {
    const own = environment(world);
    return { ...own, PATH: `${service.bin}:${own["PATH"] ?? ""}` };
  }

  function shell(line: string): Promise<Ended> {
    return execute("/bin/sh", ["-c", line]);
  }

  function execute(file: string, args: readonly string[]): Promise<Ended> {
    return new Promise((resolve) => {
      execFile(file, args, { env: env(), maxBuffer: 64 << 20, cwd: root }, (error, out, err) =>
        resolve({ code: error ? (error.code ?? error.signal ?? "failed") : 0, out, err }),
      );
    });
  }

  /** The upgrade of a service: stopped, changed, started by the program that does it. */
  async function guard(change: string): Promise<{ readonly ended: Ended; readonly report: GuardReport }> {
    const upgrade = join(root, "upgrade.sh");
    writeFileSync(upgrade, `#!/bin/sh\n${service.stop}\n${change}\n${service.start}\nexit 0\n`);
    chmodSync(upgrade, 0o755);
    const ended = await execute(process.execPath, [
      ...[HOLDSTILL, "guard", "--json", "--output", output, "--grace", "60s"],
      ...["--stop", service.stop, "--start", service.start, "--probe", service.probe, "--probe-timeout", "60s"],
      ...["--", upgrade],
    ]);
    try {
      return { ended, report: JSON.parse(ended.out) as GuardReport };
    } catch {
      throw new Error(`guard ended with ${ended.code}: ${ended.err}${ended.out}`);
    }
  }

  it("lets an upgrade pass after which the gateway is healthy, with its sessions", async () => {
    const listed = await listedSessions(program, world);
    expect(listed).to.have.lengthOf(SESSIONS.length);
    const { ended, report } = await guard(`echo new > ${world.state}/upgraded`);
    expect(report, ended.err).to.include({ outcome: "succeeded", version: "2026.9.6" });
    expect(ended.code).to.equal(0);
    expect(existsSync(join(world.state, "upgraded"))).to.equal(true);
    expect(await isHealthy(program, world)).to.equal(true);
    expect(await listedSessions(program, world)).to.deep.equal(listed);
  });

  it("brings the old state back after one that migrates and breaks it: healthy, with the same sessions", async () => {
    const listed = await listedSessions(program, world);
    const credentials = contents(join(world.state, "credentials"));
    const config = readFileSync(join(world.state, "openclaw.json"), "utf8");
    const workspace = join(world.live, "outside/workspace/notes.tmp");
    writeFileSync(join(root, "upgrade.mjs"), UPGRADE);
    const { ended, report } = await guard(`${program.node} ${join(root, "upgrade.mjs")}\necho kept > ${workspace}`);
    expect(report, `${ended.err}${ended.out}`).to.include({ outcome: "rolled-back" });
    expect(ended.code).to.equal(20);
    expect(report.command).to.include({ exitCode: 0 });
    expect(report.rollback?.left).to.deep.equal([]);

    expect(existsSync(join(world.state, "next-version"))).to.equal(false);
    expect(contents(join(world.state, "credentials"))).to.deep.equal(credentials);
    expect(readFileSync(join(world.state, "openclaw.json"), "utf8")).to.equal(config);
    expect(await isHealthy(program, world)).to.equal(true);
    expect(await listedSessions(program, world)).to.deep.equal(listed);
    await turn(program, world, SESSIONS[0], "do you remember?");
    expect(world.model.requests.at(-1)).to.include(`the first of ${SESSIONS[0]}`);
    // Workspaces are the user's: what came into them meanwhile stays.
    expect(readFileSync(workspace, "utf8")).to.equal("kept\n");
    const [failed] = (report.rollback?.places ?? []).filter(({ path }) => path === world.state);
    expect(readFileSync(join(failed?.failed ?? "", "next-version"), "utf8")).to.equal("was here\n");
  });
});
