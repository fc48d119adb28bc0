import { spawn } from "node:child_process";
import { once } from "node:events";
import pLimit from "p-limit";
import { below, exactTextOf, under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { descentInto } from "../stage/descent.js";

/** Node runs four file operations at a time; more only wait. */
const AT_ONCE = 8;

/** From so many files on it is faster to have the filesystem write all that it holds, whosever it is. */
const MANY = 200;

/**
 * Sees to it that everything below a directory is on the disk. The program `sync` does it for a whole filesystem in one
 * go: for 20,000 files that takes a second, against half a minute for one file after the other. That is what is done
 * for few files, and where there is no such program.
 */
export async function syncTree(fs: Filesystem, path: Bytes, files: number, program = "sync"): Promise<void> {
  if (files >= MANY && (await syncFilesystem(path, program))) return;
  const limit = pLimit(AT_ONCE);
  const waiting = new Set<Promise<void>>();
  for (const fd of descriptorsBelow(fs, path)) {
    const synced = limit(() => syncAndClose(fs, fd)).finally(() => waiting.delete(synced));
    waiting.add(synced);
    // No more than these are open: a tree may be large.
    if (waiting.size > AT_ONCE) await Promise.race(waiting);
  }
  await Promise.all(waiting);
}

async function syncFilesystem(path: Bytes, program: string): Promise<boolean> {
  const text = exactTextOf(path);
  if (text === undefined) return false;
  const child = spawn(program, ["-f", "--", text], { stdio: "ignore" });
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code === 0;
  } catch (error) {
    if (isErrno(error, "ENOENT", "EACCES")) return false;
    throw error;
  }
}

async function syncAndClose(fs: Filesystem, fd: number): Promise<void> {
  try {
    await fs.sync(fd);
  } finally {
    fs.close(fd);
  }
}

/** Opens a directory and all files and directories below it, but for what its own mode keeps us from. */
function* descriptorsBelow(fs: Filesystem, root: Bytes): Generator<number> {
  const down = descentInto(fs, root);
  try {
    const directories = ["." as Bytes];
    for (let path = directories.pop(); path !== undefined; path = directories.pop()) {
      const here = path;
      const base = permitted(() => down.enter(here).base);
      if (base === undefined) continue;
      for (const { name, kind } of permitted(() => fs.list(base)) ?? []) {
        if (kind === "directory") directories.push(below(here, name));
        const fd = kind === "file" ? permitted(() => fs.openRead(under(base, name))) : undefined;
        if (fd !== undefined) yield fd;
      }
      // Behind a descriptor's path there is a link, which is not followed by who opens a directory.
      const fd = permitted(() => fs.openDirectory(`${base}/.` as Bytes));
      if (fd !== undefined) yield fd;
    }
  } finally {
    down.close();
  }
}

/** Undefined where a mode is in the way. */
function permitted<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (isErrno(error, "EACCES", "EPERM")) return undefined;
    throw error;
  }
}
