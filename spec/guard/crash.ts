import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { verify } from "../../lib/verify.js";
import { contents } from "../helpers/tree.js";
import type { Death } from "./crash-child.js";
import { guarded, OPTIONS, resumed, snapshotOf, type Guarded } from "./guarded.js";

const CHILD = fileURLToPath(new URL("crash-child.js", import.meta.url));

export const NEW = { "config.json": "new\n", "empty/": "/" };
export const CHANGE = "echo new > state/config.json; rm -r state/sessions";

type When = Omit<Death, "root" | "options">;

/** Lets a guarded command die; false where it came to its end before. */
function dies(world: Guarded, when: When, line: string): boolean {
  const { root } = world;
  const options = { ...OPTIONS, command: ["sh", "-c", line], snapshot: snapshotOf(world) };
  const death: Death = { ...when, root, options };
  const { signal, status, stderr } = spawnSync(process.execPath, [CHILD, JSON.stringify(death)], {
    encoding: "utf8",
    cwd: root,
  });
  if (signal === "SIGKILL") return true;
  expect(status, stderr).to.equal(0);
  return false;
}

/** The bytes, modes and times of all there is. */
function look(path: string): string {
  return spawnSync("find", [path, "-printf", "%P %y %m %n %T@ %l\n"], { encoding: "utf8" })
    .stdout.split("\n")
    .sort()
    .join("\n");
}

/**
 * Kills a guarded command at its nth operation and resumes it: after that the live state is the old or the new one, byte
 * for byte, nothing is lost, and a second resume does nothing.
 * @returns false where there were fewer operations
 */
export async function survives(death: When, exitCode: 0 | 3): Promise<boolean> {
  const world = guarded();
  const at = `${death.when} ${death.operations.join("/")} ${death.nth}`;
  if (!dies(world, death, `${CHANGE}; exit ${exitCode}`)) return false;

  const interim = Object.values(trees(world));
  const report = await resumed(world);
  expect(report.outcome, at).to.be.oneOf(["nothing-to-do", "succeeded", "rolled-back"]);
  const now = contents(world.state);
  expect(now, at).to.deep.be.oneOf([world.before, NEW]);
  if (exitCode === 3 && report.outcome === "rolled-back") expect(now, at).to.deep.equal(world.before);
  // What the command has made is not lost either, once anything of it was there.
  const kept = Object.values(trees(world));
  if (interim.some((each) => isSame(each, NEW)))
    expect(
      kept.some((each) => isSame(each, NEW)),
      at,
    ).to.equal(true);
  expect(
    Object.keys(trees(world)).filter((name) => name.includes(".restored-")),
    at,
  ).to.deep.equal([]);
  for (const name of existsSync(world.output) ? readdirSync(world.output) : []) {
    if (name.endsWith(".tar")) expect(await verify(join(world.output, name), world.around)).to.include({ ok: true });
  }

  const before = look(world.root);
  expect(await resumed(world), at).to.include({ outcome: "nothing-to-do" });
  const unlocked = (text: string): string => text.replaceAll(/^archives\/\.holdstill\/guard\/\.holdstill .*$/gm, "");
  expect(unlocked(look(world.root)), at).to.equal(unlocked(before));
  return true;
}

/** The state, if it is there, and the trees beside it. */
export function trees({ root }: Guarded): Record<string, Record<string, string>> {
  const names = readdirSync(root).filter((name) => /^state(?:\.|$)/.test(name));
  return Object.fromEntries(names.map((name) => [name, contents(join(root, name))]));
}

export function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
}
