import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno, type ErrorCode } from "../errors.js";
import { failureOf } from "../report/failure.js";
import type { GuardReturn } from "../report/guard-report.js";
import { runInGroup } from "../run-in-group.js";
import { checkRestored } from "./check-restored.js";
import { dropEmpty } from "./containers.js";
import { contentsOf } from "./contents.js";
import { exchange, mayBeThere } from "./exchange.js";
import { idle } from "./idle.js";
import { fromIndex } from "./index-lines.js";
import { pathOfJournal } from "./journal-file.js";
import { nextOf, type Journal, type Link, type Move, type Place } from "./journal.js";
import { failedLink, renewed } from "./links.js";
import { assertMounted } from "./mounted.js";
import { carriedOf, exchangeOf } from "./moves.js";
import { installedOpenclaw } from "./openclaw-version.js";
import { probe } from "./probe.js";
import { restorePlace } from "./restore-place.js";
import { assertRoom } from "./room.js";
import { advance, cleanCommand, resumeCommand, shellOptions, type Work } from "./work.js";

/** For the command lines of the user, in milliseconds: they may install a whole program. */
const ACTION_MS = 30 * 60_000;

/**
 * Brings back what was before a command, from wherever the journal says that this is: the state first, then the program.
 * A command that was running has failed by now.
 * Whatever stands in the way, the journal stays where it was, and the same call goes on from there.
 * @param stateOnly leaves the program to the user: neither is it brought back nor started, and nothing is probed
 */
export async function goBack(work: Work, journal: Journal, stateOnly = false): Promise<GuardReturn> {
  let current = journal;
  const left: string[] = [];
  const to = (next: Journal): void => {
    current = next;
  };
  try {
    if (nextOf(current) === "judge") to(await advance(work, current, { phase: "failed" }));
    if (nextOf(current) !== "bring back") {
      assertMounted(work, current);
      await stopProgram(work, current);
    }
    if (nextOf(current) === "put beside") to(await prepared(work, current));
    if (nextOf(current) === "exchange") {
      await assertIdle(work, current);
      left.push(...(await exchange(work.fs, current.moves)));
      dropEmpty(work.fs, current.places);
      to(await advance(work, current, { phase: "exchanged" }));
    }
    if (nextOf(current) === "bring back") {
      if (!stateOnly) await bringBack(work, current);
      to(await advance(work, current, { phase: "returned" }));
    }
    return { ok: true, id: current.id, places: placesOf(work, current), left, next: cleanCommand(work) };
  } catch (error) {
    if (!mayBeThere(work.fs, pathOfJournal(work.archives, current.id))) {
      return { ok: false, id: current.id, places: placesOf(work, current), left, ...lost(work, current) };
    }
    const { code, message, path, hint } = failureOf(error);
    const why = path === undefined || message.includes(path) ? message : `${message}: ${path}`;
    const what = adviceOn(work, current, code) ?? hint ?? "See to it.";
    const next = what.includes(resumeCommand(work)) ? what : `${what} And then: ${resumeCommand(work)}`;
    return { ok: false, id: current.id, places: placesOf(work, current), left, why, next };
  }
}

/** Where the archive directory is no more: there is nothing to go back by. */
function lost(work: Work, { places }: Journal): Pick<GuardReturn, "why" | "next"> {
  const clones = places.filter(({ prepared, fresh }) => prepared && mayBeThere(work.fs, fresh));
  const kept = clones.map(({ fresh }) => textOf(fresh)).join(", ");
  return {
    why: `the archive directory is gone, and the snapshot with it: ${textOf(work.archives)}`,
    next:
      `If it was only moved or unmounted, bring it back, and then: ${resumeCommand(work)}. Else the state stays as it is` +
      (kept === "" ? "." : `; what was before, to be put back by hand, is: ${kept}`),
  };
}

/** What can be done where nothing said so yet. */
function adviceOn({ signal, archives }: Work, { id }: Journal, code: ErrorCode): string | undefined {
  if (signal.aborted) return "It can be gone on with.";
  if (code !== "no-archive" && code !== "bad-archive") return undefined;
  const journal = textOf(pathOfJournal(archives, id));
  return `Nothing can be put back without it. To keep the state as it is now, remove ${journal}; else bring it back.`;
}

/** Everything is beside its place, and nobody is at work: what is left are renames. */
async function prepared(work: Work, journal: Journal): Promise<Journal> {
  await assertIdle(work, journal);
  const contents = await fromIndex(journal.archive, work, contentsOf(new Set()));
  const places: Place[] = [];
  for (const place of journal.places) if (!(await isReady(work, journal.archive, place))) places.push(place);
  assertRoom(work.fs, places, contents);
  for (const place of places) await restorePlace(work, journal.archive, place);
  const names = (directory: Bytes): Bytes[] => namesIn(work, directory);
  const moves = journal.places.flatMap((place): Move[] => {
    const left = contents.sources[place.source]?.left ?? [];
    return [...exchangeOf(place, names), ...carriedOf(place, [...left, ...place.omitted])];
  });
  const links = renewed(work.fs, journal.links, journal.id);
  return advance(work, journal, { phase: "exchanging", moves: [...moves, ...links] });
}

/** A stop command may say that there was nothing to stop: whether all has stopped is looked up. */
async function stopProgram(work: Work, { actions: { stop } }: Journal): Promise<void> {
  if (stop === undefined) return;
  const { ok, how } = await runInGroup(stop, { ...shellOptions(work), limitMs: ACTION_MS, output: "shown" });
  work.signal.throwIfAborted();
  if (!ok) work.onEvent({ type: "warning", message: `the stop command ${how}: ${stop}` });
}

/** A restore point was read back when it was made; whether anybody has been at it since can be seen without. */
async function isReady(work: Work, archive: string, place: Place): Promise<boolean> {
  if (!place.prepared) return false;
  try {
    await fromIndex(archive, work, checkRestored(work.fs, place, "shape"));
    return true;
  } catch (error) {
    if (!(error instanceof HoldstillError) || error.code !== "verify-failed") throw error;
    work.onEvent({ type: "warning", message: `the restore point is not used: ${error.message}: ${error.path}` });
    return false;
  }
}

async function assertIdle(work: Work, { places, links, mounts, graceMs }: Journal): Promise<void> {
  assertMounted(work, { mounts });
  const found = await idle(work, [...places.map(({ live }) => live), ...links.map(({ path }) => path)], graceMs);
  if (found.length === 0) return;
  const named = found.map(({ pid, name, path }) => `process ${pid} (${name}) holds ${path}`).join("; ");
  throw new HoldstillError("io", `nothing was moved, since the state is in use: ${named}`, {
    hint: `End these processes, and then: ${resumeCommand(work)}`,
  });
}

async function bringBack(work: Work, journal: Journal): Promise<void> {
  const { actions } = journal;
  if (actions.rollback !== undefined && !(await isProgramBack(work, journal))) {
    await mustSucceed(work, "rollback command", actions.rollback);
  }
  if (actions.start !== undefined) await mustSucceed(work, "start command", actions.start);
  if (actions.probe !== undefined) {
    const { probeMs, probeEveryMs } = journal;
    const { ok, how, said } = await probe(actions.probe, {
      ...shellOptions(work),
      now: work.now,
      probeMs,
      probeEveryMs,
    });
    if (!ok) throw failed(work, "the state is back, but the probe", { how, said }, actions.probe);
  }
}

async function isProgramBack(work: Work, { rollbackIsProposed, version }: Journal): Promise<boolean> {
  if (!rollbackIsProposed) return false;
  const installed = await installedOpenclaw(work.fs, shellOptions(work));
  return installed?.version === version;
}

async function mustSucceed(work: Work, what: string, line: string): Promise<void> {
  const result = await runInGroup(line, { ...shellOptions(work), limitMs: ACTION_MS, output: "shown" });
  work.signal.throwIfAborted();
  if (!result.ok) throw failed(work, `the state is back, but the ${what}`, result, line);
}

function failed(
  work: Work,
  what: string,
  { how, said }: { readonly how: string; readonly said: string },
  line: string,
): HoldstillError {
  return new HoldstillError("io", `${what} ${how}: ${line}${said === "" ? "" : `\n${said}`}`, {
    hint: `See to it, and then: ${resumeCommand(work)}, or with --state-only to leave the program to yourself`,
  });
}

function placesOf({ fs }: Work, { places, links, moves, id }: Journal): GuardReturn["places"] {
  const isMoved = ({ path }: Link): boolean => moves.some(({ kind, to }) => kind === "in" && to === path);
  const exchanged = [
    ...places,
    ...links.filter(isMoved).map((link) => ({ live: link.path, failed: failedLink(link, id), how: "rename" as const })),
  ];
  return exchanged.map(({ live, failed: aside, how }) => ({
    ...{ path: textOf(live), how },
    ...(mayBeThere(fs, aside) && { failed: textOf(aside) }),
  }));
}

function namesIn({ fs }: Work, directory: Bytes): Bytes[] {
  try {
    return fs.list(directory).map(({ name }) => name);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}
