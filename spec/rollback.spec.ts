import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { create } from "../lib/create.js";
import { rollback, type RollbackOptions } from "../lib/rollback.js";
import { beside, GRACE_MS, guarded, withMounts, type Guarded } from "./guard/guarded.js";
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

  it("puts the state back where a link leads that has taken its place, and leaves the link", async () => {
    const { world, archive } = await backedUp();
    const moved = join(world.root, "moved");
    renameSync(world.state, moved);
    symlinkSync("moved", world.state);
    const report = await rollback({ ...OPTIONS, archive }, world.around);
    expect(report).to.include({ outcome: "rolled-back" }).and.to.have.nested.property("rollback.places[0].path", moved);
    expect(readlinkSync(world.state)).to.equal("moved");
    expect(contents(moved)).to.include({ "openclaw.json": "{}", "npm/x": "2", "workspace/notes.md": "after" });
    expect(world.events).to.deep.include({
      type: "warning",
      message: `${world.state} leads to ${moved} now, and is put back there`,
    });
    const [failed = ""] = readdirSync(world.root).filter((name) => name.startsWith("moved.failed-"));
    expect(contents(join(world.root, failed))).to.include({ "openclaw.json": "new" });
  });

  it("puts the state back where the link leads also when what it led to is lost", async () => {
    const { world, archive } = await backedUp();
    rmSync(world.state, { recursive: true });
    symlinkSync("lost", world.state);
    expect(await rollback({ ...OPTIONS, archive }, world.around)).to.include({ outcome: "rolled-back" });
    expect(readlinkSync(world.state)).to.equal("lost");
    expect(contents(join(world.root, "lost"))).to.include({ "openclaw.json": "{}" });
  });

  it("puts the state back where a directory that it lies in was moved and linked", async () => {
    const world = guarded({ inner: { "x.txt": "old" } });
    const source = join(world.state, "inner");
    const { archive } = await create({ ...DEFAULTS, sources: [source], output: world.output }, world.around);
    renameSync(world.state, join(world.root, "moved"));
    symlinkSync("moved", world.state);
    writeFileSync(join(source, "x.txt"), "new");
    expect(await rollback({ ...OPTIONS, archive }, world.around)).to.include({ outcome: "rolled-back" });
    expect(contents(join(world.root, "moved/inner"))).to.deep.equal({ "x.txt": "old" });
    expect(readlinkSync(world.state)).to.equal("moved");
  });

  it("keeps a mount point in a state that was moved and linked as a place of its own", async () => {
    const world = guarded({ sub: { "x.txt": "old" } });
    const { archive } = await create({ ...DEFAULTS, sources: [world.state], output: world.output }, world.around);
    const moved = join(world.root, "moved");
    renameSync(world.state, moved);
    symlinkSync("moved", world.state);
    const line = `1 2 8:1 / ${join(moved, "sub")} rw - ext4 /dev/x rw\n`;
    const plan = await rollback(
      { ...OPTIONS, archive, confirm: () => Promise.resolve(false) },
      { ...world.around, fs: withMounts(() => line) },
    );
    expect(plan).to.have.property("places").that.has.lengthOf(2);
    expect(plan).to.have.nested.property("places[1].path", join(moved, "sub"));
  });

  it("refuses what was apart and lies in one place now, and changes nothing", async () => {
    const world = guarded();
    const other = join(world.root, "other");
    mkdirSync(other);
    const { archive } = await create(
      { ...DEFAULTS, sources: [world.state, other], output: world.output },
      world.around,
    );
    renameSync(other, join(world.state, "other"));
    symlinkSync("state/other", other);
    const before = contents(world.root);
    const error: unknown = await rollback({ ...OPTIONS, archive }, world.around).catch((reason: unknown) => reason);
    expect(error).to.include({ code: "output-unusable", path: other });
    expect(contents(world.root)).to.deep.equal(before);
  });

  it("refuses an archive that lies in what it would put back, and changes nothing", async () => {
    const { world, archive } = await backedUp();
    const inside = join(world.state, "x.tar");
    copyFileSync(archive, inside);
    const before = contents(world.root);
    const error: unknown = await rollback({ ...OPTIONS, archive: inside }, world.around).catch((r: unknown) => r);
    expect(error).to.include({ code: "output-unusable", path: inside });
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
