import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { create } from "../lib/create.js";
import { rollback, type RollbackOptions } from "../lib/rollback.js";
import { beside, GRACE_MS, guarded, type Guarded } from "./guard/guarded.js";
import { DEFAULTS } from "./helpers/run.js";
import { contents } from "./helpers/tree.js";

const OPTIONS: Omit<RollbackOptions, "archive"> = {
  ...{ includeWorkspace: false, stop: undefined, start: undefined, graceMs: GRACE_MS },
  confirm: () => Promise.resolve(true),
};

const OPENCLAW = { "openclaw.json": "{}", npm: { x: "1" }, workspace: { "notes.md": "before" }, "gateway.pid": "1" };

/** An OpenClaw with an ordinary backup of it: what can be made again is not in it, and workspaces are. */
async function backedUp(): Promise<{ readonly world: Guarded; readonly archive: string }> {
  const world = guarded(OPENCLAW);
  const around = { ...world.around, env: { ...world.around.env, OPENCLAW_STATE_DIR: world.state } };
  const { archive } = await create({ ...DEFAULTS, output: world.output }, around);
  writeFileSync(join(world.state, "openclaw.json"), "new");
  writeFileSync(join(world.state, "npm/x"), "2");
  writeFileSync(join(world.state, "workspace/notes.md"), "after");
  return { world, archive };
}

describe("rollback", () => {
  it("takes over what an ordinary backup leaves out, and workspaces, but nothing that only says what was running", async () => {
    const { world, archive } = await backedUp();
    const report = await rollback({ ...OPTIONS, archive }, world.around);
    expect(report).to.include({ outcome: "rolled-back" });
    const { "gateway.pid": _, ...before } = world.before;
    expect(contents(world.state)).to.deep.equal({ ...before, "npm/x": "2", "workspace/notes.md": "after" });
    expect(
      Object.keys(beside(world)).filter((name) => /^state\.failed-[^/]*\/gateway.pid$/.test(name)),
    ).to.have.lengthOf(1);
  });

  it("puts workspaces back too where that is asked for", async () => {
    const { world, archive } = await backedUp();
    expect(await rollback({ ...OPTIONS, archive, includeWorkspace: true }, world.around)).to.include({
      outcome: "rolled-back",
    });
    expect(contents(world.state)).to.include({ "workspace/notes.md": "before", "npm/x": "2" });
  });

  it("tells what it would do, and does nothing where that is not confirmed", async () => {
    const { world, archive } = await backedUp();
    const before = contents(world.root);
    const plan = await rollback({ ...OPTIONS, archive, confirm: () => Promise.resolve(false) }, world.around);
    expect(plan).to.deep.include({ outcome: "planned", archive, carried: 2 });
    expect(contents(world.root)).to.deep.equal(before);
  });

  it("refuses an archive that is damaged, and changes nothing", async () => {
    const { world, archive } = await backedUp();
    writeFileSync(archive, "damage", { flag: "a" });
    const before = contents(world.root);
    const error: unknown = await rollback({ ...OPTIONS, archive }, world.around).catch((reason: unknown) => reason);
    expect(error).to.include({ code: "bad-archive" });
    expect(contents(world.root)).to.deep.equal(before);
    expect(existsSync(join(world.output, ".holdstill/guard"))).to.equal(false);
  });
});
