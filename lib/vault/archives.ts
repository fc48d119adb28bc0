import { posix } from "node:path";
import { isArchive } from "../archive/peek.js";
import { findZstd } from "../archive/compress.js";
import { bytesOf, bytewise, exactTextOf, under } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Listed } from "../filesystem.js";
import type { Surroundings } from "../surroundings.js";
import { defaultDirectory } from "./output.js";

type Needs = Pick<Surroundings, "fs" | "env" | "homedir" | "cwd" | "signal">;

/** The name that stands for the newest archive. */
export const LATEST = "latest";

/**
 * The archives in an archive directory, or in the default ones, recognised by their content, the newest last.
 * @throws HoldstillError `no-archive` where there is no such directory, or no archive in it
 */
export async function listArchives(directory: string | undefined, around: Needs): Promise<string[]> {
  const directories =
    directory === undefined
      ? ["openclaw", "directory"].map((profile) => defaultDirectory(profile, around))
      : [posix.resolve(around.cwd, directory)];
  const found: string[] = [];
  for (const path of directories) found.push(...(await archivesIn(path, around)));
  if (found.length > 0) return found.sort((a, b) => bytewise(bytesOf(posix.basename(a)), bytesOf(posix.basename(b))));
  throw new HoldstillError("no-archive", "there is no archive here", {
    path: directories.join(", "),
    hint: "Name an archive directory with --output.",
  });
}

/** The archive that a name stands for: `latest`, or itself. */
export async function namedArchive(name: string, directory: string | undefined, around: Needs): Promise<string> {
  if (name !== LATEST) return name;
  return (await listArchives(directory, around)).at(-1) ?? name;
}

async function archivesIn(directory: string, { fs, env, signal }: Needs): Promise<string[]> {
  const engine = findZstd(env["PATH"]);
  const found: string[] = [];
  for (const { name, kind } of list(fs.list, directory)) {
    signal.throwIfAborted();
    const path = under(bytesOf(directory), name);
    const text = exactTextOf(path);
    if (kind !== "file" || name.startsWith(".") || text === undefined) continue;
    if (await isArchive(fs, path, engine)) found.push(text);
  }
  return found;
}

function list(read: (path: ReturnType<typeof bytesOf>) => Listed[], directory: string): Listed[] {
  try {
    return read(bytesOf(directory));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    if (!isErrno(error, "ENOTDIR", "EACCES")) throw error;
    throw new HoldstillError("no-archive", "the archive directory cannot be read", {
      path: directory,
      hint: "Check the path given with --output.",
      cause: error,
    });
  }
}
