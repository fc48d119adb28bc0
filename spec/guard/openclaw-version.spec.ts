import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { disk } from "../../lib/filesystem.js";
import { installedOpenclaw } from "../../lib/guard/openclaw-version.js";
import { createScratch } from "../../lib/scratch.js";
import { contents } from "../helpers/tree.js";
import { guarded, guardLine, OPTIONS, resumed, type Guarded } from "./guarded.js";

interface Prefix {
  readonly world: Guarded;
  readonly prefix: string;
  /** What npm was asked to do. */
  readonly asked: () => string;
}

/** An OpenClaw that npm has installed below a prefix, and an npm that installs the version it is told. */
function installed(version = "2026.9.6", below = "lib/node_modules/openclaw"): Prefix {
  const world = guarded({ "openclaw.json": "{}" });
  const prefix = join(world.root, "pre fix");
  const program = join(prefix, below, "openclaw.sh");
  mkdirSync(dirname(program), { recursive: true });
  mkdirSync(join(prefix, "bin"));
  writeFileSync(join(prefix, "version"), version);
  const says = `echo "OpenClaw $(cat '${prefix}/version') (abc123)"`;
  writeFileSync(program, `#!/bin/sh\n[ "$1" = --version ] && ${says}\n`, { mode: 0o755 });
  symlinkSync(program, join(prefix, "bin/openclaw"));
  const npm = `#!/bin/sh\nprintf '%s|' "$@" >> '${prefix}/asked'\nprintf %s "\${5#openclaw@}" > '${prefix}/version'\n`;
  writeFileSync(join(prefix, "bin/npm"), npm, { mode: 0o755 });
  const env = { PATH: `${prefix}/bin:${process.env["PATH"]}`, OPENCLAW_STATE_DIR: world.state };
  const log = join(prefix, "asked");
  return {
    world: { ...world, around: { ...world.around, env } },
    prefix,
    asked: () => (existsSync(log) ? readFileSync(log, "utf8") : ""),
  };
}

function found({ world: { around } }: Prefix) {
  return installedOpenclaw(disk, { ...around, scratch: createScratch() });
}

const snapshot = { sources: undefined };

describe("an OpenClaw that is installed", () => {
  it("is known by its version, and by how npm installs that again in the same place", async () => {
    const openclaw = installed("2026.9.6-beta.1");
    expect(await found(openclaw)).to.deep.equal({
      version: "2026.9.6-beta.1",
      command: `npm install --global --prefix '${openclaw.prefix}' openclaw@2026.9.6-beta.1`,
    });
  });

  it("has no such command where it was not npm that installed it", async () => {
    expect(await found(installed("2026.9.6", "share/openclaw"))).to.deep.equal({
      ...{ version: "2026.9.6", command: undefined },
    });
  });

  it("is none where there is none, or it says no version", async () => {
    const openclaw = installed("unknown");
    expect(await found(openclaw)).to.equal(undefined);
    rmSync(join(openclaw.prefix, "bin/openclaw"));
    expect(await found(openclaw)).to.equal(undefined);
  });
});

describe("a guarded upgrade of OpenClaw that fails", () => {
  const line = (prefix: string) => `printf 2026.10.1 > '${prefix}/version'; echo new > state/openclaw.json; exit 3`;

  it("has the old version back by npm, and tells which that was", async () => {
    const { world, prefix, asked } = installed();
    const report = await guardLine(world, line(prefix), { snapshot });
    expect(report).to.include({ outcome: "rolled-back", version: "2026.9.6" });
    expect(asked()).to.equal(`install|--global|--prefix|${prefix}|openclaw@2026.9.6|`);
    expect(readFileSync(join(prefix, "version"), "utf8")).to.equal("2026.9.6");
    expect(contents(world.state)).to.deep.equal(world.before);
  });

  it("leaves npm alone where the version is the old one still", async () => {
    const { world, asked } = installed();
    const report = await guardLine(world, "echo new > state/openclaw.json; exit 3", { snapshot });
    expect(report).to.include({ outcome: "rolled-back" });
    expect(asked()).to.equal("");
  });

  it("leaves npm alone where another command was given for it", async () => {
    const { world, prefix, asked } = installed();
    const actions = { ...OPTIONS.actions, rollback: `printf 2026.9.6 > '${prefix}/version'` };
    expect(await guardLine(world, line(prefix), { snapshot, actions })).to.include({ outcome: "rolled-back" });
    expect(asked()).to.equal("");
  });

  it("says so where npm fails, with the state back, and a resume tries npm again", async () => {
    const { world, prefix, asked } = installed();
    const npm = readFileSync(join(prefix, "bin/npm"), "utf8");
    writeFileSync(join(prefix, "bin/npm"), "#!/bin/sh\nexit 1\n");
    const report = await guardLine(world, line(prefix), { snapshot });
    expect(report).to.include({ outcome: "rollback-failed" });
    expect(report.rollback?.why).to.match(/^the state is back, but the rollback command exited 1: npm install/);
    expect(contents(world.state)).to.deep.equal(world.before);
    writeFileSync(join(prefix, "bin/npm"), npm);
    expect(await resumed(world)).to.include({ outcome: "rolled-back" });
    expect(asked()).to.match(/openclaw@2026\.9\.6\|$/);
  });
});
