import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { kill, pid } from "node:process";
import { isErrno } from "../errors.js";

/** Who made a stage, a partial archive or a lock: enough to tell whether that process is still alive. */
export interface Owner {
  /** Random, 16 hexadecimal digits: names one holding, not one process. */
  readonly id: string;
  /** `/etc/machine-id`, else the host's name. */
  readonly host: string;
  readonly hostname: string;
  /** Changes with every boot; empty where the system does not tell. */
  readonly boot: string;
  /** Empty where the system does not tell. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** In clock ticks since boot, as `/proc` has it; empty where the system does not tell. */
  readonly startTime: string;
  /** ISO 8601. */
  readonly since: string;
}

const HEARTBEAT_LOST_MS = 3_600_000;

/** This process, under a new id at each call. */
export function thisProcess(): Owner {
  const machine = told(() => readFileSync("/etc/machine-id", "utf8").trim());
  return {
    id: randomBytes(8).toString("hex"),
    host: /^[0-9a-f]{32}$/.test(machine) ? machine : hostname(),
    hostname: hostname(),
    boot: told(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    pidNamespace: told(() => readlinkSync("/proc/self/ns/pid")),
    pid,
    startTime: startTimeOf(pid) ?? "",
    since: new Date().toISOString(),
  };
}

export function describeOwner(owner: Owner): string {
  return `process ${owner.pid} on ${owner.hostname} since ${owner.since}`;
}

/**
 * Whether an owner is certainly gone: it ran in our pid namespace, and there is no such process any more, or another
 * one with its number; or in another one on this host, and before its last boot. Of an owner elsewhere nothing can be
 * known, so it counts as gone after an hour without heartbeat: `lastHeartbeatMs` is the mtime of its marker.
 *
 * A host is the same if its name is too: copies of a virtual machine often share one machine id.
 */
export function isDead(
  owner: Owner,
  me: Owner,
  lastHeartbeatMs: number,
  nowMs: number,
  startTimeOf: (pid: number) => string | undefined,
): boolean {
  if (owner.host === me.host && owner.hostname === me.hostname) {
    const sameBoot = owner.boot === "" || me.boot === "" || owner.boot === me.boot;
    if (owner.pidNamespace === me.pidNamespace) {
      const startTime = startTimeOf(owner.pid);
      if (startTime === undefined) return true;
      if (startTime !== "" && owner.startTime !== "" && startTime !== owner.startTime) return true;
      if (sameBoot) return false;
      // In a container with a boot id of its own, a sandboxed service sees that of the host (ProtectProc= and others
      // mount /proc anew). So another boot alone proves nothing where the process seems to be there.
    } else if (!sameBoot) return true;
  }
  return nowMs - lastHeartbeatMs > HEARTBEAT_LOST_MS;
}

/** When a process started; undefined if there is none, or only a zombie; empty if it lives and that is all we learn. */
export function startTimeOf(pid: number): string | undefined {
  const stat = told(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  if (stat === "") return isThere(pid) ? "" : undefined;
  // The second field is the program's name in parentheses, which may itself hold blanks and parentheses.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" || state === "X" ? undefined : (rest[18] ?? "");
}

/** The owner that a marker names; undefined for anything malformed. */
export function parseOwner(text: string): Owner | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
  return isOwner(value) ? value : undefined;
}

const TEXTS = ["host", "hostname", "boot", "pidNamespace", "startTime", "since"] as const;

function isOwner(value: unknown): value is Owner {
  if (typeof value !== "object" || value === null) return false;
  const fields: Partial<Record<string, unknown>> = { ...value };
  if (typeof fields.id !== "string" || !/^[0-9a-f]{16}$/.test(fields.id)) return false;
  // kill(2) takes 0 and negative numbers for process groups.
  if (typeof fields.pid !== "number" || !Number.isSafeInteger(fields.pid) || fields.pid <= 0) return false;
  return TEXTS.every((name) => typeof fields[name] === "string");
}

/** What the system tells, or nothing: there may be no `/proc`, or one that hides what is not ours. */
function told(read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ESRCH", "EACCES", "EPERM")) return "";
    throw error;
  }
}

function isThere(pid: number): boolean {
  try {
    return kill(pid, 0);
  } catch (error) {
    if (isErrno(error, "ESRCH")) return false;
    if (isErrno(error, "EPERM")) return true;
    throw error;
  }
}
