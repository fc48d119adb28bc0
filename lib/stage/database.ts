import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Bytes } from "../bytes.js";
import { HoldstillError, type ErrorCode } from "../errors.js";
import { freeWhoWaits } from "./waiting-fifos.js";

/** Its copy shows one moment, not before `pinning` and not after `pinnedAt`: milliseconds of the epoch, with a fraction. */
export interface PinnedDatabase {
  readonly pinning: number;
  readonly pinnedAt: number;
  readonly journalMode: string;
  readonly pageCount: number;
  readonly userVersion: number;
}

/** `busy`: somebody kept it locked for as long as we tried. `vanished`: no longer there when it was to be opened. */
export type PinOutcome =
  | { readonly status: "pinned"; readonly database: PinnedDatabase }
  | { readonly status: "busy" | "not-a-database" | "unreadable" | "vanished"; readonly reason: string };

/** What `integrity_check` said of the copy; `unchecked` where it could not run (a collation or function we lack). */
export type Integrity = "ok" | { readonly unchecked: string } | { readonly problems: string };

export interface CopiedDatabase {
  /** Of the copy, in bytes. */
  readonly size: number;
  /** For how long our pin kept a writer waiting, in milliseconds: 0 in WAL mode and for a database at rest. */
  readonly blockedMs: number;
  readonly integrity: Integrity;
  /** Where `foreign_key_check` finds rows in the copy that refer to rows that are not there. */
  readonly foreignKeys?: "violated";
  readonly pageCount: number;
  readonly userVersion: number;
  /** Of the original; the copy is always in `delete` mode. */
  readonly journalMode: string;
}

export type CopyOutcome =
  | { readonly status: "copied"; readonly database: CopiedDatabase }
  | { readonly status: "failed"; readonly reason: string };

/** How many rows of which tables went, or why none did. */
export type Dropped = { readonly rows: Readonly<Record<string, number>> } | { readonly problem: string };

/** A database by its absolute path and the file that was seen there, and where in a stage its copy is to be made. */
export interface PinRequest {
  readonly path: Bytes;
  readonly dev: number;
  readonly ino: number;
  readonly to: Bytes;
}

export interface DatabaseChild {
  /**
   * Opens databases read-only and pins a moment of each, all as close together as they can be; takes up to 2 s more
   * if some are locked. Those whose pin would block their writer are copied and released before it resolves. The
   * names of one file share one pin if they come in one call, or while the pin is held.
   */
  readonly pin: (databases: readonly PinRequest[]) => Promise<PinOutcome[]>;
  /** Copies a pinned database to its `to`, checks the copy and lets the original go. */
  readonly copy: (path: Bytes) => Promise<CopyOutcome>;
  /** Checks a private copy, and makes it a single file. */
  readonly check: (copy: Bytes) => Promise<Integrity>;
  /** Empties the tables of leases and pending deliveries in a private database, where it has such. */
  readonly dropDeliveries: (path: Bytes) => Promise<Dropped>;
  /** Ends the child, whatever it is doing. Idempotent. */
  readonly close: () => Promise<void>;
}

export type Request =
  | { readonly id: number; readonly pin: readonly PinRequest[] }
  | { readonly id: number; readonly copy: Bytes }
  | { readonly id: number; readonly check: Bytes }
  | { readonly id: number; readonly dropDeliveries: Bytes };

export type Reply =
  | { readonly ready: true }
  | { readonly id: number; readonly result: Result }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };

const MAGIC = Buffer.from("SQLite format 3\0", "latin1");

/** Whether a file is to be treated as a database, by its first 16 bytes and its size. An empty one is a file. */
export function looksLikeDatabase(head: Uint8Array, size: number): boolean {
  return size > 0 && size % 512 === 0 && head.length >= MAGIC.length && MAGIC.equals(head.subarray(0, MAGIC.length));
}

const SIDECARS = ["-wal", "-shm", "-journal"] as const;

/** The files that SQLite keeps beside a database, and that are never captured as files. */
export function sidecarsOf(database: Bytes): Bytes[] {
  return SIDECARS.map((suffix) => `${database}${suffix}` as Bytes);
}

/** Whether a path is a sidecar of a database. */
export function isSidecarOf(path: Bytes, database: Bytes): boolean {
  return path.startsWith(database) && SIDECARS.some((suffix) => path === `${database}${suffix}`);
}

/**
 * Starts the process that has all databases open. Closing any descriptor of a database drops every POSIX lock that
 * the process holds on it, pins included; so the process that reads the tree must not be the one that pins, and
 * never loads SQLite. The child leads its own session, so that Ctrl-C reaches only us, and ends when we do.
 *
 * Every call rejects with `io` once the child is gone, and with the signal's reason after it was aborted.
 */
export async function startDatabaseChild(options: { readonly signal: AbortSignal }): Promise<DatabaseChild> {
  const { signal } = options;
  signal.throwIfAborted();
  const child = fork(fileURLToPath(new URL("./database-child.js", import.meta.url)), [], {
    cwd: "/",
    detached: true,
    serialization: "advanced",
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const calls = callsTo(child, signal);
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  void calls.ended.then(() => signal.removeEventListener("abort", kill));
  await calls.ready;

  return {
    async pin(pin) {
      const stop = freeWhoWaits(pin.flatMap(({ path }) => [path, ...sidecarsOf(path)]));
      try {
        return (await calls.send((id) => ({ id, pin }))) as PinOutcome[];
      } finally {
        stop();
      }
    },
    copy: async (copy) => (await calls.send((id) => ({ id, copy }))) as CopyOutcome,
    check: async (check) =>
      ((await calls.send((id) => ({ id, check }))) as { readonly integrity: Integrity }).integrity,
    dropDeliveries: async (path) => (await calls.send((id) => ({ id, dropDeliveries: path }))) as Dropped,
    // Not by disconnecting: after that, Node never emits "close". All that the child loses is locks and private copies.
    close: async () => {
      kill();
      await calls.ended;
    },
  };
}

export type Result = PinOutcome[] | CopyOutcome | Dropped | { readonly integrity: Integrity };

interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/** Requests and their replies over a child's channel; whatever is pending when the child ends is rejected. */
function callsTo(child: ChildProcess, signal: AbortSignal) {
  const pending = new Map<number, Waiting>();
  let lastId = 0;
  let gone: Error | undefined;
  let complaint = "";

  const ready = new Promise<void>((resolve, reject) => {
    pending.set(0, { resolve: () => resolve(), reject });
  });
  const ended = new Promise<void>((resolve) => {
    const end = (what: string, cause?: unknown): void => {
      const hint = complaint.trim() === "" ? undefined : complaint.trim();
      gone ??= signal.aborted
        ? signal.reason
        : new HoldstillError("io", `the database process ${what}`, { cause, hint });
      for (const { reject } of pending.values()) reject(gone);
      pending.clear();
      resolve();
    };
    child.once("error", (error) => end("could not be started", error));
    child.once("close", (code, by) => end(by === null ? `ended with code ${code}` : `was killed by ${by}`));
  });
  child.stderr?.on("data", (chunk: Buffer) => (complaint = (complaint + chunk.toString("utf8")).slice(-2000)));
  child.on("message", (reply: Reply) => {
    const id = "id" in reply ? reply.id : 0;
    const call = pending.get(id);
    pending.delete(id);
    if ("error" in reply) call?.reject(new HoldstillError(reply.error.code, reply.error.message));
    else call?.resolve("result" in reply ? reply.result : []);
  });

  const send = (request: (id: number) => Request): Promise<Result> =>
    new Promise((resolve, reject) => {
      if (gone !== undefined) return reject(gone);
      const id = ++lastId;
      pending.set(id, { resolve, reject });
      // A failure to send means that the child is ending, which rejects all that is pending.
      child.send(request(id), () => undefined);
    });
  return { ready, ended, send };
}
