import { lstatSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Bytes } from "../bytes.js";
import { isErrno, isNoSpace } from "../errors.js";
import { copyAtRest, copyFile, discard, lookAt, saysWal, type Look } from "./database-at-rest.js";
import { checkCopy, copyFromPin, finish, now, pinMoment, readPrivate, type Pin } from "./database-pin.js";
import { fileOf, filesBehind, inPlace, native, nextDescriptors, type Place } from "./database-place.js";
import type { CopyOutcome, PinnedDatabase, PinOutcome, PinRequest } from "./database.js";
import { complaintOf, messageOf, type Sqlite } from "./sqlite.js";

/** For how long a locked or moving database is tried again, and how long a lock is waited for in each try, in ms. */
const PATIENCE = 2200;
const LOCK_WAIT = 100;
/** The same of the first tries in a row: enough for a writer's commit, and little where many are locked for good. */
const COMMIT_WAIT = 50;
const PAUSE = 15;
/** Between two looks at a lock. */
const LOCK_PAUSE = 2;

/** Why a database is not pinned; `recover`: SQLite would have to write to the original before it can read it. */
interface Refusal {
  readonly status: Exclude<PinOutcome["status"], "pinned"> | "untried" | "recover";
  readonly reason: string;
}

/** A database file that is being, or has been, taken; all its names share it. */
interface Taking extends Place {
  readonly to: Bytes;
  pinned?: PinnedDatabase;
  refusal: Refusal;
  /** Open as long as the original is pinned: none for what was copied at once. */
  pin?: Pin;
  atRest?: Look;
  blockedMs: number;
  copied?: Promise<CopyOutcome>;
}

const UNTRIED: Refusal = { status: "untried", reason: "not tried" };
const VANISHED: Refusal = { status: "vanished", reason: "the file is not there any more" };
const ELSEWHERE: Refusal = { status: "busy", reason: "its path led to another file when it was opened" };
const TEMPORARY: ReadonlySet<Refusal["status"]> = new Set(["busy", "recover"]);

function isUntried({ pinned, refusal }: Taking): boolean {
  return pinned === undefined && refusal === UNTRIED;
}

interface Name {
  readonly taking: Taking;
  readonly to: Bytes;
}

/** The databases of one child: pins that are held, and copies that were made. */
export function databasePins(sqlite: Sqlite) {
  const names = new Map<Bytes, Name>();

  async function pin(requests: readonly PinRequest[]): Promise<PinOutcome[]> {
    const fresh: Taking[] = [];
    const outcomes = gather(requests, names, fresh);
    await take(sqlite, fresh);
    return requests.map(({ path }) => outcomes.get(path) ?? outcomeOf(names.get(path)?.taking ?? { refusal: UNTRIED }));
  }

  async function copy(path: Bytes): Promise<CopyOutcome> {
    const name = names.get(path);
    if (name?.taking.pinned === undefined) return { status: "failed", reason: "not pinned" };
    const { taking, to } = name;
    taking.copied ??= copyTaking(sqlite, taking, name.taking.pinned);
    const outcome = await taking.copied;
    if (outcome.status === "copied" && to !== taking.to) copyFile(taking.to, to);
    return outcome;
  }

  return { pin, copy, check: (path: Bytes) => checkCopy(sqlite, path).integrity };
}

function outcomeOf({ pinned, refusal }: Pick<Taking, "pinned" | "refusal">): PinOutcome {
  if (pinned !== undefined) return { status: "pinned", database: pinned };
  const { status, reason } = refusal;
  if (status === "untried") return { status: "unreadable", reason };
  if (status === "recover") return { status: "unreadable", reason: `needs recovery, and never at rest: ${reason}` };
  return { status, reason };
}

/** Puts the names of one file together; returns the outcomes of those that cannot even be looked at. */
function gather(requests: readonly PinRequest[], names: Map<Bytes, Name>, fresh: Taking[]): Map<Bytes, PinOutcome> {
  const outcomes = new Map<Bytes, PinOutcome>();
  const pinned = new Map(
    [...names.values()].filter(({ taking }) => taking.pin).map(({ taking }) => [fileOf(taking), taking]),
  );
  for (const request of [...requests].sort((a, b) => sidecarBytes(b.path) - sidecarBytes(a.path))) {
    const { path, to } = request;
    if (names.get(path)?.taking.pinned !== undefined) continue;
    const tried: Taking = { ...request, refusal: UNTRIED, blockedMs: 0 };
    if (attempt(tried, () => true) === undefined) {
      outcomes.set(path, outcomeOf(tried));
      continue;
    }
    const taking = pinned.get(fileOf(request)) ?? tried;
    if (taking === tried) fresh.push(tried);
    pinned.set(fileOf(request), taking);
    names.set(path, { taking, to });
  }
  return outcomes;
}

/** The log and the journal lie beside the name by which the program that writes knows its database: open that one. */
function sidecarBytes(path: Bytes): number {
  const sizes = ["-wal", "-journal"].map((suffix) => {
    const stat = lstatSync(native(`${path}${suffix}` as Bytes), { throwIfNoEntry: false });
    return stat?.isFile() ? stat.size : -1;
  });
  return Math.max(...sizes);
}

/**
 * Those at rest first, which takes as long as it takes to copy them; then all pins in a row, the ones that block
 * their writers last; then the copies that release the blocked writers; then patience with what was locked.
 */
async function take(sqlite: Sqlite, takings: readonly Taking[]): Promise<void> {
  const wal = takings.filter((taking) => attempt(taking, saysWal) === true);
  const journalled = takings.filter((taking) => isUntried(taking) && !wal.includes(taking));

  await copyThoseAtRest(sqlite, wal);
  for (const taking of wal) if (isUntried(taking)) pinLive(sqlite, taking, COMMIT_WAIT);
  for (const taking of wal) confirmAtRest(sqlite, taking);
  for (const taking of journalled) pinLive(sqlite, taking, COMMIT_WAIT);
  for (const taking of takings) await releaseWriter(sqlite, taking);

  for (const end = now() + PATIENCE; ; await wait(PAUSE)) {
    const locked = takings.filter(({ pinned, refusal }) => pinned === undefined && TEMPORARY.has(refusal.status));
    if (locked.length === 0 || now() > end) return;
    for (const taking of locked) {
      if (taking.refusal.status === "recover") recover(sqlite, taking);
      else if (now() < end) pinLive(sqlite, taking, LOCK_WAIT);
      await releaseWriter(sqlite, taking);
    }
  }
}

/**
 * A WAL database without `-shm` is open nowhere. It is copied as bytes, since opening it would leave files beside it,
 * with an owner that may lock out its program, or fail where we may not write.
 */
async function copyThoseAtRest(sqlite: Sqlite, takings: readonly Taking[]): Promise<void> {
  for (const end = now() + PATIENCE; ; await wait(PAUSE)) {
    const waiting = takings.filter(
      (taking) =>
        isUntried(taking) &&
        attempt(taking, (path) => !lookAt(path).present.has("-shm")) === true &&
        !recover(sqlite, taking),
    );
    if (waiting.length === 0 || now() > end) return;
  }
}

/** A copy that was taken at rest shows the moment of the other pins if its original has not moved since. */
function confirmAtRest(sqlite: Sqlite, taking: Taking): void {
  const { atRest, pinned } = taking;
  if (atRest === undefined || pinned === undefined) return;
  const pinning = now();
  const state = attempt(taking, (path) => lookAt(path).state);
  if (state === atRest.state) {
    taking.pinned = { ...pinned, pinning, pinnedAt: now() };
    return;
  }
  delete taking.atRest;
  delete taking.pinned;
  discard(taking.to);
  if (state !== undefined) pinLive(sqlite, taking, COMMIT_WAIT);
}

/** Waits for a lock up to `timeout` ms. */
function pinLive(sqlite: Sqlite, taking: Taking, timeout: number): void {
  for (const end = now() + timeout; ; sleep(LOCK_PAUSE)) {
    const pin = attempt(taking, (path) => pinOnly(sqlite, taking, path));
    if (pin !== undefined && "connection" in pin) {
      taking.pin = pin;
      taking.pinned = pin.database;
      return;
    }
    if (pin !== undefined) taking.refusal = pin;
    if (taking.refusal.status !== "busy" || now() > end) return;
  }
}

/**
 * SQLite finds files by their paths alone, follows links on the way, and waits for a FIFO's other end: it is kept from
 * sidecars that are no files, and a pin counts only if what it has open is the database that was seen, and what lies beside it.
 */
function pinOnly(sqlite: Sqlite, taking: Taking, path: Bytes): Pin | Refusal {
  const [odd] = lookAt(path).odd;
  if (odd !== undefined) return { status: "recover", reason: `what lies at its ${odd} is no file` };
  const descriptors = nextDescriptors();
  const pin = pinMoment(sqlite, taking.path);
  let isOwn = false;
  try {
    const own = new Set([fileOf(taking), ...lookAt(path).present.values()]);
    isOwn = filesBehind(descriptors).every((file) => own.has(file));
    return isOwn ? pin : ELSEWHERE;
  } finally {
    if (!isOwn) pin.connection.close();
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Takes a private copy and recovers that; false if the original moved. */
function recover(sqlite: Sqlite, taking: Taking): boolean {
  const pinning = now();
  const look = attempt(taking, (path) => copyAtRest(path, taking.to) ?? "moved");
  if (look === "moved") return false;
  if (look === undefined) return true;
  const pinnedAt = now();
  const database = attempt(taking, () => readPrivate(sqlite, taking.to));
  if (database === undefined) {
    discard(taking.to);
    return true;
  }
  taking.atRest = look;
  taking.pinned = { ...database, pinning, pinnedAt };
  return true;
}

/** A reader of a database that is not in WAL mode keeps its writer waiting: copies it at once. */
async function releaseWriter(sqlite: Sqlite, taking: Taking): Promise<void> {
  const { pin } = taking;
  if (pin === undefined || pin.database.journalMode === "wal") return;
  delete taking.pin;
  try {
    await copyFromPin(sqlite, pin, taking.to);
  } catch (error) {
    taking.copied = Promise.resolve(failureOf(error));
  }
  taking.blockedMs = now() - pin.database.pinning;
}

async function copyTaking(sqlite: Sqlite, taking: Taking, pinned: PinnedDatabase): Promise<CopyOutcome> {
  const { pin } = taking;
  delete taking.pin;
  try {
    if (pin !== undefined) await copyFromPin(sqlite, pin, taking.to);
    return finish(sqlite, taking.to, pinned, taking.blockedMs);
  } catch (error) {
    return failureOf(error);
  }
}

/**
 * What `act` returns of the database in its place; or undefined, and the taking's refusal is why it failed. A full disk
 * is no outcome: it throws.
 */
function attempt<T>(taking: Taking, act: (path: Bytes) => T): T | undefined {
  try {
    const result = inPlace(taking, act);
    if (result === undefined) taking.refusal = VANISHED;
    return result;
  } catch (error) {
    taking.refusal = refusalOf(error, taking);
    return undefined;
  }
}

function refusalOf(error: unknown, place: Place): Refusal {
  const complaint = complaintOf(error);
  const reason = messageOf(error);
  if (complaint === "full" || isNoSpace(error)) throw error;
  const missing = isErrno(error, "ENOENT");
  if (missing || complaint === "recover") {
    if (!inPlace(place, () => true)) return { status: "vanished", reason };
    if (missing) throw error;
  }
  const known = complaint === "busy" || complaint === "recover" || complaint === "not-a-database";
  if (known) return { status: complaint, reason };
  return { status: inPlace(place, () => true) ? "unreadable" : "vanished", reason };
}

function failureOf(error: unknown): CopyOutcome {
  if (complaintOf(error) === "full" || isNoSpace(error)) throw error;
  return { status: "failed", reason: messageOf(error) };
}
