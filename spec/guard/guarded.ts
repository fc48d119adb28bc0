import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { guard, type GuardOptions, type GuardReport, type GuardSurroundings } from "../../lib/guard.js";
import { resume, type ResumeOptions, type ResumeReport } from "../../lib/guard-resume.js";
import type { CreateOptions } from "../../lib/prepare.js";
import type { Event } from "../../lib/report/events.js";
import { DEFAULTS, surroundings } from "../helpers/run.js";
import { fsWith } from "../helpers/port.js";
import { contents, tmpDirectory, tmpTree, type Tree } from "../helpers/tree.js";
import { RECORD } from "./record.js";

/** A state with an archive directory beside it. */
export interface Guarded {
  readonly root: string;
  readonly state: string;
  readonly output: string;
  readonly events: Event[];
  readonly around: GuardSurroundings;
  /** What there was. */
  readonly before: Readonly<Record<string, string>>;
}

export const STATE: Tree = { "config.json": "old", sessions: { "one.jsonl": "1\n", "two.jsonl": "2\n" }, empty: {} };

export function guarded(tree: Tree = STATE, replaced: Partial<GuardSurroundings> = {}): Guarded {
  const state = tmpTree(tree, "state");
  const root = join(state, "..");
  const { events, ...around } = surroundings({ cwd: root, ...replaced });
  return {
    ...{ root, state, output: join(root, "archives"), events, before: contents(state) },
    around: { ...around, takeSignals: () => () => {}, pid: process.pid, ...replaced },
  };
}

/** A disk on which these lines of `mountinfo` are all that is mounted. */
export function withMounts(lines: () => string): Filesystem {
  const file = bytesOf(join(tmpDirectory(), "mountinfo"));
  return fsWith({
    openRead(path) {
      if (!path.endsWith("/mountinfo")) return disk.openRead(path);
      writeFileSync(file, lines());
      return disk.openRead(file);
    },
  });
}

/** Somebody else who looks at the whole disk, as `du` does, holds the state open for a moment. */
export const GRACE_MS = 10_000;

export const OPTIONS: Omit<GuardOptions, "command" | "snapshot"> = {
  allowIncomplete: false,
  record: RECORD,
  actions: { stop: undefined, start: undefined, probe: undefined, rollback: undefined },
  ...{ probeMs: 60_000, probeEveryMs: 1, graceMs: GRACE_MS, timeoutMs: undefined, rollback: true, stdout: "stderr" },
};

export type Asked = Partial<Omit<GuardOptions, "snapshot">> & { readonly snapshot?: Partial<CreateOptions> };

export function snapshotOf(
  { state, output }: Guarded,
  replaced: Partial<CreateOptions> = {},
): GuardOptions["snapshot"] {
  return { ...DEFAULTS, sources: [state], output, label: "pre-upgrade", includeWorkspace: false, ...replaced };
}

/** Runs a line of shell as the guarded command, in the directory that holds the state. */
export function guardLine(world: Guarded, line: string, { snapshot, ...asked }: Asked = {}): Promise<GuardReport> {
  const command = ["sh", "-c", line];
  return guard({ ...OPTIONS, command, ...asked, snapshot: snapshotOf(world, snapshot) }, world.around);
}

export function resumed({ output, around }: Guarded, options: ResumeOptions = {}): Promise<ResumeReport> {
  return resume([output], around, options);
}

/** Where a guarded command says that it has the state. */
export function claimOf({ root }: Guarded): string {
  return join(root, ".holdstill-guard-of-state");
}

/** What is beside the state and the archives, but for the claim of a command that is not finished. */
export function beside({ root }: Guarded): Record<string, string> {
  return Object.fromEntries(
    Object.entries(contents(root)).filter(([path]) => !/^(state|archives|\.holdstill-guard-of-state)\//.test(path)),
  );
}

/** The old state is back, and what was made of it is kept. */
export function expectBack(world: Guarded, failed: Readonly<Record<string, string>>): void {
  expect(contents(world.state)).to.deep.equal(world.before);
  const found = Object.entries(beside(world)).map(([path, what]) => [
    path.replace(/^state\.failed-[^/]*/, "failed"),
    what,
  ]);
  expect(Object.fromEntries(found)).to.deep.equal(failed);
}
