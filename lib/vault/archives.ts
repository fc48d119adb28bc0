import { isArchive } from "../archive/peek.js";
import { findZstd } from "../archive/compress.js";
import { bytesOf, bytewise, exactTextOf, under } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import type { Listed } from "../filesystem.js";
import type { Surroundings } from "../surroundings.js";

/**
 * The archives in an archive directory, recognised by their content, in the order of their names.
 * @throws HoldstillError `no-archive` where there is no such directory
 */
export async function listArchives(
  directory: string,
  { fs, env, signal }: Pick<Surroundings, "fs" | "env" | "signal">,
): Promise<string[]> {
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
    return read(bytesOf(directory)).sort((a, b) => bytewise(a.name, b.name));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES")) throw error;
    throw new HoldstillError("no-archive", "the archive directory cannot be read", {
      path: directory,
      hint: "Check the path given with --output.",
      cause: error,
    });
  }
}
