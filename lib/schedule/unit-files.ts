import { posix } from "node:path";
import { bytesOf, parentOf, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import type { Surroundings } from "../surroundings.js";
import { unlinkIfThere } from "../unlink-if-there.js";
import { ALARM, SERVICE, TIMER, type Scope } from "./schedule.js";
import { isOurs, type Unit } from "./units.js";

type Needs = Pick<Surroundings, "fs" | "env" | "homedir">;

/** Where an administrator's units lie, or a user's own. */
export function unitDirectory(scope: Scope, { env, homedir }: Omit<Needs, "fs">): string {
  if (scope === "system") return "/etc/systemd/system";
  const config = env["XDG_CONFIG_HOME"];
  return posix.join(config && posix.isAbsolute(config) ? config : posix.join(homedir, ".config"), "systemd/user");
}

/** The paths of our units in a directory. */
export function ourUnits(fs: Filesystem, directory: string): string[] {
  const paths = [SERVICE, TIMER, ALARM].map((name) => posix.join(directory, name));
  return paths.filter((path) => look(fs, path) === "ours");
}

/**
 * Writes units, each whole or not at all.
 * @throws HoldstillError `output-exists` where a unit of somebody else has the name, `output-unusable`
 */
export async function writeUnits(fs: Filesystem, directory: string, units: readonly Unit[]): Promise<string[]> {
  const paths = units.map(({ name }) => posix.join(directory, name));
  const foreign = paths.find((path) => look(fs, path) === "foreign");
  if (foreign !== undefined) {
    throw new HoldstillError("output-exists", "there is a unit of this name that holdstill has not written", {
      path: foreign,
      hint: "Move it away, or keep it and schedule nothing.",
    });
  }
  try {
    makeDirectories(fs, bytesOf(directory));
    for (const { name, text } of units) await replace(fs, bytesOf(posix.join(directory, name)), text);
  } catch (error) {
    if (!isErrno(error, "EACCES", "EPERM", "EROFS", "ENOTDIR")) throw error;
    throw new HoldstillError("output-unusable", `the units cannot be written (${error.code})`, {
      path: directory,
      hint: "A system's units are root's: run it with sudo, or use --user.",
      cause: error,
    });
  }
  return paths;
}

export function removeUnits(fs: Filesystem, paths: readonly string[]): void {
  try {
    for (const path of paths) unlinkIfThere(fs, bytesOf(path));
  } catch (error) {
    if (!isErrno(error, "EACCES", "EPERM", "EROFS")) throw error;
    throw new HoldstillError("output-unusable", `the units cannot be removed (${error.code})`, {
      path: paths[0],
      hint: "A system's units are root's: run it with sudo.",
      cause: error,
    });
  }
}

const LARGEST = 64 * 1024;

function look(fs: Filesystem, path: string): "ours" | "foreign" | "nothing" {
  let fd: number;
  try {
    fd = fs.openRead(bytesOf(path));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return "nothing";
    // A link, to /dev/null where a unit is masked; or one that is not for us to read.
    if (isErrno(error, "ELOOP", "EACCES")) return "foreign";
    throw error;
  }
  try {
    const buffer = Buffer.alloc(LARGEST);
    if (fs.fstat(fd).kind !== "file") return "foreign";
    return isOurs(buffer.toString("utf8", 0, fs.read(fd, buffer, 0, LARGEST, 0))) ? "ours" : "foreign";
  } finally {
    fs.close(fd);
  }
}

async function replace(fs: Filesystem, path: Bytes, text: string): Promise<void> {
  const fresh = `${path}.new` as Bytes;
  unlinkIfThere(fs, fresh);
  const fd = fs.create(fresh, 0o644);
  try {
    const data = Buffer.from(text);
    for (let offset = 0; offset < data.length;) offset += fs.write(fd, data.subarray(offset));
    await fs.sync(fd);
    // Whatever the umask: a unit that only root can read makes `systemctl cat` fail for others.
    fs.chmod(fresh, 0o644);
    fs.rename(fresh, path);
  } catch (error) {
    unlinkIfThere(fs, fresh);
    throw error;
  } finally {
    fs.close(fd);
  }
}

function makeDirectories(fs: Filesystem, path: Bytes): void {
  try {
    fs.mkdir(path, 0o755);
  } catch (error) {
    if (isErrno(error, "EEXIST")) return;
    const parent = parentOf(path);
    if (!isErrno(error, "ENOENT") || parent === "") throw error;
    makeDirectories(fs, parent);
    fs.mkdir(path, 0o755);
  }
}
