import { posix } from "node:path";
import { stampOf } from "./archive/name.js";
import { backup, type Told } from "./backup.js";
import { bytesOf, textOf, type Bytes } from "./bytes.js";
import type { CreateOptions } from "./create.js";
import { HoldstillError, isOfDisk } from "./errors.js";
import { findProgram, isProgram } from "./find-program.js";
import type { TakeStates } from "./guard/claim.js";
import { runCommand, type Ended } from "./guard/command.js";
import { contentsOf } from "./guard/contents.js";
import { mayBeThere } from "./guard/exchange.js";
import { findPlaces } from "./guard/find-places.js";
import { finish, letGo } from "./guard/finish.js";
import { fromIndex } from "./guard/index-lines.js";
import { pathOfJournal, reserve, save } from "./guard/journal-file.js";
import type { Actions, Journal } from "./guard/journal.js";
import { linksTo } from "./guard/links.js";
import { assertFinished, withGuardLock } from "./guard/lock.js";
import { mountsOf } from "./guard/mounts.js";
import { mountedFor } from "./guard/mounted.js";
import { newMark } from "./guard/mark.js";
import { installedOpenclaw } from "./guard/openclaw-version.js";
import { probe, type Probed } from "./guard/probe.js";
import { assertRoom } from "./guard/room.js";
import { makeRestorePoints } from "./guard/restore-point.js";
import { goBack } from "./guard/return.js";
import { advance, resumeCommand, shellOptions, type GuardSurroundings, type Work } from "./guard/work.js";
import { discover } from "./profile/discover.js";
import type { CreateReport } from "./report/create-report.js";
import { failureOf } from "./report/failure.js";
import type { GuardReport } from "./report/guard-report.js";
import { problemLines } from "./report/text.js";
import { checkOutput, outputOf, type Output } from "./vault/output.js";

export type { GuardSurroundings } from "./guard/work.js";
export type { GuardReport } from "./report/guard-report.js";

export interface GuardOptions {
  /** What may be chosen of the snapshot. */
  readonly snapshot: Omit<CreateOptions, "verify" | "onlyConfig" | "defaultExcludes">;
  /** How the snapshot is recorded, as other backups are; hooks and notifications are for those. */
  readonly record: Omit<Told, "hooks" | "notifications">;
  readonly command: readonly string[];
  /** Whether the command is run though the snapshot lacks something. */
  readonly allowIncomplete: boolean;
  readonly actions: Actions;
  readonly probeMs: number;
  readonly probeEveryMs: number;
  /** How long processes may take to let go of the state. */
  readonly graceMs: number;
  readonly timeoutMs: number | undefined;
  readonly rollback: boolean;
  /** Where the command's stdout goes. */
  readonly stdout: "stdout" | "stderr";
}

/** What came of the command. */
interface Judged {
  readonly ended: Ended;
  readonly probed: Probed | undefined;
  /** Why it counts as failed; undefined for a success. */
  readonly failure: string | undefined;
}

/**
 * Makes a command that changes the state a transaction: takes a complete, verified snapshot, runs the command and probes
 * what came of it. Where either fails, state and program go back to what they were.
 * @throws HoldstillError where the command was not run
 */
export async function guard(options: GuardOptions, around: GuardSurroundings): Promise<GuardReport> {
  const output = outputIn(options, around);
  const work = { ...around, archives: bytesOf(output.directory) };
  assertProgram(options, work);
  assertKey(options, work);
  const roots = rootsOf(options, work);
  // Nothing is written into a state, not even to be locked.
  checkOutput(work.fs, output, roots.map(textOf));
  return withGuardLock(work, async (take) => {
    assertFinished(work);
    const { journal, snapshot } = await prepared(options, work, roots, take);
    const running = await advance(work, journal, { phase: "running" });
    const judged = await run(options, work, running);
    const goesBack = judged.failure !== undefined && options.rollback;
    const report = { ...reportOf(running, snapshot, judged), ...gone(work, running, { ...snapshot, goesBack }) };
    if (judged.failure === undefined) {
      await pass(work, running);
      return { ...report, outcome: "succeeded" };
    }
    if (!options.rollback) {
      await letGo(work, running);
      return { ...report, outcome: "not-rolled-back" };
    }
    const rollback = await goBack(work, running);
    return { ...report, outcome: rollback.ok ? "rolled-back" : "rollback-failed", rollback };
  });
}

function assertProgram({ command: [program = ""] }: GuardOptions, work: Work): void {
  const { fs, cwd, env } = work;
  const isThere = program.includes("/")
    ? isProgram(fs, posix.resolve(cwd, program))
    : findProgram(fs, program, env["PATH"]);
  if (isThere) return;
  throw new HoldstillError("usage", `there is no such program: ${program}`, {
    hint: "What is guarded is one program with its arguments; a line of shell is given as: -- sh -c 'LINE'",
  });
}

/** A way back that nobody can open is none. */
function assertKey({ snapshot, rollback }: GuardOptions, { unseal }: Work): void {
  if (snapshot.seal === undefined || unseal !== undefined || !rollback) return;
  throw new HoldstillError("wrong-key", "the snapshot is to be encrypted, and there is no key to go back with", {
    hint: "Give the identity with --identity FILE, or leave things as they are after a failure with --no-rollback.",
  });
}

function outputIn({ snapshot }: GuardOptions, around: GuardSurroundings): Output {
  const { sources = [], profile = sources.length > 0 ? "directory" : "openclaw", output, compress } = snapshot;
  return outputOf(output, profile, compress, around);
}

/** Everything that going back needs, before anything is changed. */
async function prepared(
  options: GuardOptions,
  work: Work,
  roots: readonly Bytes[],
  take: TakeStates,
): Promise<{ readonly journal: Journal; readonly snapshot: CreateReport }> {
  await reserve(work.fs, work.archives);
  let journal = await begun(options, work, roots);
  try {
    await save(work.fs, work.archives, journal);
    await take(journal);
    const chosen = { ...options.snapshot, verify: true, onlyConfig: false, defaultExcludes: false };
    const snapshot = await backup(chosen, work, { ...options.record, hooks: {}, notifications: [] });
    assertComplete(snapshot, options);
    journal = await advance(work, journal, { archive: snapshot.archive, profile: snapshot.profile });
    if (!options.rollback) return { journal, snapshot };
    const mounts = mountsOf(work.fs, work.pid);
    const points = new Set(mounts.map(({ point }) => point));
    const contents = await fromIndex(snapshot.archive, work, contentsOf(points));
    const { includeWorkspace } = options.snapshot;
    const places = findPlaces(work, contents, { id: journal.id, includeWorkspace, workspaces: [] });
    journal = await advance(work, journal, { places, mounts: mountedFor(mounts, places) });
    journal = await advance(work, journal, { places: await makeRestorePoints(work, snapshot.archive, places) });
    for (const { live, how } of places)
      if (how === "contents") work.onEvent({ type: "warning", message: nameByName(live) });
    assertRoom(
      work.fs,
      journal.places.filter((place) => !place.prepared),
      contents,
    );
    return { journal, snapshot };
  } catch (error) {
    await letGo(work, journal);
    throw error;
  }
}

function nameByName(live: Bytes): string {
  return (
    `${textOf(live)} is or holds a mount point, or lies where nothing can be renamed: going back would exchange what is ` +
    "in it name by name, and in between it would be neither the old nor the new state"
  );
}

async function begun(options: GuardOptions, work: Work, roots: readonly Bytes[]): Promise<Journal> {
  const { actions, command, probeMs, probeEveryMs, graceMs, snapshot } = options;
  const isOpenclaw =
    snapshot.profile !== "directory" && (snapshot.profile === "openclaw" || snapshot.sources === undefined);
  const installed = isOpenclaw ? await installedOpenclaw(work.fs, shellOptions(work)) : undefined;
  const id = stampOf(work.now());
  return {
    ...{ id, mark: newMark(id), kind: "guard", phase: "preparing", archive: "", profile: "" },
    ...{
      command,
      version: installed?.version,
      actions: { ...actions, rollback: actions.rollback ?? installed?.command },
    },
    rollbackIsProposed: actions.rollback === undefined && installed?.command !== undefined,
    ...{ probeMs, probeEveryMs, graceMs, includeWorkspace: snapshot.includeWorkspace },
    ...{ roots, links: linksTo(snapshot, work, roots), places: [], mounts: [], moves: [] },
  };
}

/** What is wrong with the sources is for the backup to say, and to record. */
function rootsOf({ snapshot }: GuardOptions, work: Work): Bytes[] {
  try {
    const chosen = { ...snapshot, onlyConfig: false, defaultExcludes: false };
    return discover(chosen, work).sources.map(({ path }) => bytesOf(path));
  } catch (error) {
    if (!(error instanceof HoldstillError)) throw error;
    return [];
  }
}

function assertComplete(snapshot: CreateReport, { allowIncomplete }: GuardOptions): void {
  if (snapshot.complete || allowIncomplete) return;
  const why = [...problemLines(snapshot), ...snapshot.warnings].join(" ");
  throw new HoldstillError("incomplete", `the command was not run, since the snapshot is not complete: ${why}`, {
    path: snapshot.archive,
    hint: "See to what is named, or take the risk with --allow-incomplete.",
  });
}

async function run(options: GuardOptions, work: Work, { mark }: Journal): Promise<Judged> {
  const { command, timeoutMs, stdout, actions } = options;
  const { fs, cwd, env, takeSignals } = work;
  work.onEvent({ type: "handover" });
  const ended = await runCommand(fs, command, mark, { cwd, env, stdout, timeoutMs, takeSignals });
  const failure = failureOfCommand(ended);
  if (failure !== undefined || actions.probe === undefined) return { ended, failure, probed: undefined };
  const stopping = new AbortController();
  const giveBack = takeSignals(() => stopping.abort());
  try {
    const { probeMs, probeEveryMs } = options;
    const how = { ...shellOptions(work), signal: stopping.signal, now: work.now, probeMs, probeEveryMs };
    const probed = await probe(actions.probe, how);
    return { ended, probed, failure: probed.ok ? undefined : `the probe ${probed.how}: ${actions.probe}` };
  } finally {
    giveBack();
  }
}

/** The command has succeeded. Where that cannot be written down, nothing must be left that would be gone back to. */
async function pass(work: Work, running: Journal): Promise<void> {
  let written: Journal;
  try {
    written = await advance(work, running, { phase: "passed" });
  } catch (error) {
    if (!isOfDisk(error)) throw error;
    return finish(work, running).catch((refusal: unknown) => {
      const { code, message, path } = failureOf(refusal);
      throw new HoldstillError(code, `the command succeeded, but that cannot be written down: ${message}`, {
        ...{ path, cause: refusal },
        hint: `See to the disk. The state is the new one; this puts the old one back: ${resumeCommand(work)}`,
      });
    });
  }
  await letGo(work, written);
}

function failureOfCommand({ exitCode, signal, timedOut }: Ended): string | undefined {
  if (timedOut) return "the command took too long and was ended";
  if (signal !== undefined) return `the command was ended by ${signal}`;
  return exitCode === 0 ? undefined : `the command exited ${exitCode}`;
}

function reportOf(
  { id, command, version }: Journal,
  { archive, warnings }: CreateReport,
  { ended, probed, failure }: Judged,
): Omit<GuardReport, "outcome"> {
  return {
    ...{ id, archive, command: { argv: command, ...ended }, warnings },
    ...(version !== undefined && { version }),
    ...(probed && { probe: probed }),
    ...(failure !== undefined && { failure }),
  };
}

/** A command may have removed the archive: then that is to be known, also where it has succeeded. */
function gone(
  { fs, archives }: Work,
  { id }: Journal,
  { archive, warnings, goesBack }: CreateReport & { readonly goesBack: boolean },
): Partial<GuardReport> {
  if (mayBeThere(fs, bytesOf(archive))) return {};
  const isLost = !goesBack && !mayBeThere(fs, archives);
  const journal = textOf(pathOfJournal(archives, id));
  const warning =
    `the snapshot is gone, and there is no way back: ${archive}` +
    (isLost
      ? `; where it was only unmounted, remove ${journal} before anything else, or it would be gone back to`
      : "");
  return { isGone: true, warnings: [...warnings, warning] };
}
