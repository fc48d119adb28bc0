import { posix } from "node:path";
import { bytesOf } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem, Stat } from "../filesystem.js";
import type { OnEvent } from "../report/events.js";

export interface Around {
  readonly fs: Filesystem;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homedir: string;
  readonly cwd: string;
  /** Of this process; undefined where the system has none. */
  readonly uid: number | undefined;
  readonly onEvent: OnEvent;
}

const SYSTEM = "/etc/holdstill/holdstill.yaml";

/** Where a configuration is looked for; the first that there is counts. */
export function configurationPaths(named: string | undefined, { env, homedir, cwd }: Around) {
  const asked = named ?? (env["HOLDSTILL_CONFIG"] || undefined);
  if (asked !== undefined) return { paths: [posix.resolve(cwd, asked)], isNamed: true };
  const base = env["XDG_CONFIG_HOME"];
  const own = base !== undefined && posix.isAbsolute(base) ? base : posix.join(homedir, ".config");
  return { paths: [posix.join(own, "holdstill/holdstill.yaml"), SYSTEM], isNamed: false };
}

/** A configuration file, as it was read. */
export interface Found {
  readonly path: string;
  readonly text: string;
}

/**
 * The configuration file that counts; undefined where there is none.
 * @throws HoldstillError `bad-configuration` where one was named that is not there, and where it cannot be read
 */
export function findConfiguration(named: string | undefined, around: Around): Found | undefined {
  const { paths, isNamed } = configurationPaths(named, around);
  for (const path of paths) {
    const text = readConfiguration(path, around);
    if (text !== undefined) return { path, text };
  }
  if (!isNamed) return undefined;
  throw new HoldstillError("bad-configuration", "there is no such configuration file", {
    path: paths[0],
    hint: "Check --config and HOLDSTILL_CONFIG; --config /dev/null goes without a file.",
  });
}

/** Configurations are a few kilobytes; what is larger is none. */
const MAX_BYTES = 256 * 1024;

/** The text of the file, through links to it; undefined where it is not there. */
function readConfiguration(path: string, { fs, uid, onEvent }: Around): string | undefined {
  let fd: number | undefined;
  try {
    fd = fs.openRead(fs.realpath(bytesOf(path)));
    const stat = fs.fstat(fd);
    if (stat.kind === "directory") throw unreadable(path, "the configuration is a directory");
    checkOwner(path, stat, uid, onEvent);
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = fs.read(fd, buffer, length, buffer.length - length, length);
    }
    if (length > MAX_BYTES) throw unreadable(path, "the configuration file is too large");
    return new TextDecoder("utf-8", { fatal: true }).decode(buffer.subarray(0, length));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    if (isErrno(error, "ERR_ENCODING_INVALID_ENCODED_DATA")) throw unreadable(path, "the configuration is not UTF-8");
    if (!isErrno(error, "EACCES", "EPERM", "ELOOP", "EISDIR", "EIO")) throw error;
    throw unreadable(path, `the configuration file cannot be read (${String(error.code)})`);
  } finally {
    if (fd !== undefined) fs.close(fd);
  }
}

function unreadable(path: string, message: string): HoldstillError {
  return new HoldstillError("bad-configuration", message, {
    path,
    hint: "Check the file; --config /dev/null goes without one.",
  });
}

/** Who may write the configuration may let commands run, as whoever backs up. */
function checkOwner(path: string, { kind, mode, uid, gid }: Stat, me: number | undefined, onEvent: OnEvent): void {
  if (me === undefined || kind !== "file") return;
  const byAnybody = (mode & 0o002) !== 0;
  if (me === 0 && (byAnybody || ((mode & 0o020) !== 0 && gid !== 0))) {
    throw new HoldstillError(
      "bad-configuration",
      "others than root may write the configuration, and it runs commands",
      {
        path,
        hint: `chmod go-w ${path}`,
      },
    );
  }
  if (byAnybody) onEvent({ type: "warning", message: `everybody may write ${path}, and it runs commands` });
  else if (uid !== me && uid !== 0) {
    onEvent({ type: "warning", message: `${path} belongs to another user, and it runs commands` });
  }
}
