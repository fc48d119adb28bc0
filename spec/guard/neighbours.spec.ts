import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { create } from "../../lib/create.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import type { GuardReport } from "../../lib/guard.js";
import { journals, save } from "../../lib/guard/journal-file.js";
import type { Phase } from "../../lib/guard/journal.js";
import { rollback } from "../../lib/rollback.js";
import { DEFAULTS } from "../helpers/run.js";
import { fsWith, interrupted } from "../helpers/port.js";
import { contents } from "../helpers/tree.js";
import { journal } from "./sample.js";
import { claimOf, GRACE_MS, guarded, guardLine, OPTIONS, resumed, snapshotOf, type Guarded } from "./guarded.js";

/** The same disk, seen by a command with an archive directory of its own. */
function other(world: Guarded, fs: Filesystem = disk): Guarded {
  return { ...world, output: join(world.root, "others"), around: { ...world.around, fs } };
}

/** A command for a directory in the state. */
function guardInner(world: Guarded, line = "true"): Promise<GuardReport> {
  return guardLine(world, line, { snapshot: { sources: [join(world.state, "sessions")] } });
}

function refusal(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    (report) => report,
    (error: unknown) => error,
  );
}

/** A disk on which `act` happens when a claim is made, before anybody else's is looked for. */
function claiming(act: () => Promise<unknown>): Filesystem {
  const claims = new Set<number>();
  return fsWith({
    create(path, mode) {
      const fd = disk.create(path, mode);
      if (path.endsWith("/claim.json")) claims.add(fd);
      else claims.delete(fd);
      return fd;
    },
    async sync(fd) {
      await disk.sync(fd);
      if (claims.delete(fd)) await act();
    },
  });
}

/** What is left of claims and journals. */
function traces({ root, state, output }: Guarded): unknown[] {
  const claims = [...Object.keys(contents(root)), ...Object.keys(contents(state))];
  return [...claims.filter((path) => path.includes(".holdstill-guard-")), ...journals(disk, bytesOf(output))];
}

/** A command that waits to be let go on. */
const WAITS = "touch on; while [ ! -e off ]; do sleep 0.01; done";

async function during<T>(first: Promise<GuardReport>, world: Guarded, act: () => Promise<T>): Promise<T> {
  while (!existsSync(join(world.root, "on"))) await new Promise((resolve) => setTimeout(resolve, 5));
  const result = await act();
  writeFileSync(join(world.root, "off"), "");
  expect(await first).to.include({ outcome: "succeeded" });
  return result;
}

describe("two guarded commands of which one has a part of the other's state", () => {
  it("exclude each other where that of the part is under way, which is named with what to do", async () => {
    const world = guarded();
    const error = await during(guardInner(world, WAITS), world, () => refusal(guardLine(other(world), "true")));
    const part = join(world.state, "sessions");
    expect(error).to.include({ code: "locked", path: part });
    const [message, hint] = [error as Error, (error as { readonly hint: string }).hint].map(String);
    expect(message).to.match(/the guarded command of \d{4}-\S+Z is under way, and has a part of this state$/);
    expect(hint).to.match(/^Wait until process \d+ on .* is done; how far it is: holdstill guard status --output /);
    expect(hint).to.include(world.output);
    expect(traces(other(world))).to.deep.equal([]);
    expect(await guardLine(other(world), "true")).to.include({ outcome: "succeeded" });
  });

  it("exclude each other where that of the whole is under way", async () => {
    const world = guarded();
    const error = await during(guardLine(world, WAITS), world, () => refusal(guardInner(other(world))));
    expect(error).to.include({ code: "locked", path: world.state });
    expect(String(error)).to.match(/ is under way, and has a directory in which this state lies$/);
    expect(traces(other(world))).to.deep.equal([]);
  });

  it("exclude each other though the first has only just claimed its own", async () => {
    const inner = guarded();
    let heard: unknown;
    const outerFs = claiming(async () => {
      heard = await refusal(guardInner(inner));
    });
    expect(await guardLine(other(inner, outerFs), "true")).to.include({ outcome: "succeeded" });
    expect(heard).to.include({ code: "locked", path: inner.state });

    const outer = guarded();
    const innerFs = claiming(async () => {
      heard = await refusal(guardLine(outer, "true"));
    });
    expect(await guardInner(other(outer, innerFs))).to.include({ outcome: "succeeded" });
    expect(heard).to.include({ code: "locked", path: join(outer.state, "sessions") });
    for (const world of [inner, outer]) expect([...traces(world), ...traces(other(world))]).to.deep.equal([]);
  });

  it("do not both run where both have claimed before either has looked", async () => {
    const world = guarded();
    let waiting = 0;
    let open = (): void => {};
    const both = new Promise<void>((resolve) => (open = resolve));
    const fs = claiming(() => {
      if (++waiting === 2) open();
      return both;
    });
    const first = { ...world, around: { ...world.around, fs } };
    const second = other(world, fs);
    const met = await Promise.all([guardLine(first, "touch ran"), guardInner(second, "touch ran")].map(refusal));
    expect(waiting).to.equal(2);
    for (const error of met) expect(error).to.include({ code: "locked" });
    expect(existsSync(join(world.root, "ran"))).to.equal(false);
    expect([...traces(first), ...traces(second)]).to.deep.equal([]);
    expect(contents(world.state)).to.deep.equal(world.before);
  });

  it("exclude each other where the first is a rollback whose journal is not written yet", async () => {
    const world = guarded();
    const { archive } = await create({ ...DEFAULTS, sources: [world.state], output: world.output }, world.around);
    const confirm = () => Promise.resolve(true);
    const asked = { archive, includeWorkspace: false, stop: undefined, start: undefined, graceMs: GRACE_MS, confirm };
    let heard: unknown;
    const fs = claiming(async () => {
      expect(journals(disk, bytesOf(world.output))).to.deep.equal([]);
      heard = await refusal(guardInner(other(world)));
    });
    expect(await rollback(asked, { ...world.around, fs })).to.include({ outcome: "rolled-back" });
    expect(heard).to.include({ code: "locked", path: world.state });
  });

  it("exclude each other where that of the part was cut off, until it is resumed", async () => {
    const world = guarded();
    const part = { ...world, output: join(world.root, "others") };
    const actions = { ...OPTIONS.actions, rollback: "[ -e fixed ]" };
    await guardLine(part, "exit 1", { actions, snapshot: { sources: [join(world.state, "sessions")] } });
    const error = await refusal(guardLine(world, "true"));
    expect(error).to.include({ code: "locked", hint: `First: holdstill guard resume --output ${part.output}` });
    expect(String(error)).to.match(/the guarded command of \S+ has a part of this state and was cut off$/);
    writeFileSync(join(world.root, "fixed"), "");
    expect(await resumed(part)).to.include({ outcome: "rolled-back" });
    expect(await guardLine(world, "true")).to.include({ outcome: "succeeded" });
  });

  it("do not hinder each other where one gives its claim back while the other makes it", async () => {
    const world = guarded();
    const removed = interrupted(
      "before",
      "mkdir",
      (path) => path === `${claimOf(world)}/.holdstill`,
      () => rmdirSync(claimOf(world)),
    );
    expect(await guardLine(other(world, removed.fs), "true")).to.include({ outcome: "succeeded" });
    expect(removed.came()).to.equal(true);
  });

  it("do not mind one that was cut off before it had run anything", async () => {
    const world = guarded();
    for (const directory of [claimOf(world), join(world.state, ".holdstill-guard-of-sessions")]) {
      await leftBy("preparing", world, directory);
      expect(await guardLine(other(world), "true")).to.include({ outcome: "succeeded" });
      expect(await guardInner(other(world))).to.include({ outcome: "succeeded" });
      expect(await resumed(world)).to.include({ outcome: "succeeded" });
    }
  });

  it("do not mind a claim in what only looks like the state", async () => {
    const world = guarded({ "config.json": "old", sessions: {}, "sessions-old": {} });
    mkdirSync(join(world.state, ".holdstill-guard-of-sessions-old"));
    await leftBy("running", world, join(world.state, ".holdstill-guard-of-sessions-old"));
    expect(await guardInner(other(world))).to.include({ outcome: "succeeded" });
  });
});

/** A journal and its claim, without a process. */
async function leftBy(phase: Phase, world: Guarded, directory: string): Promise<void> {
  const archives = bytesOf(world.output);
  const id = "2026-01-01T00-00-00.000Z";
  mkdirSync(join(world.output, ".holdstill/guard"), { recursive: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "claim.json"), JSON.stringify({ archives: world.output, id }));
  const { sources = [] } = snapshotOf(world);
  await save(disk, archives, journal({ id, phase, archive: "", roots: sources.map(bytesOf), links: [], places: [] }));
}
