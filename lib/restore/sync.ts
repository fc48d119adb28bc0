import { spawn, type ChildProcess } from "node:child_process";
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

/** In bytes: so much a disk takes while as much again is decompressed. */
const AHEAD = 100 << 20;

/** Sees to it that a directory and everything below it is on the disk. */
export interface TreeSync {
  /** Tells of bytes that were written: when they are many, the disk is set to work on them meanwhile. */
  readonly wrote: (bytes: number) => void;
  /** Waits until all is on the disk. */
  readonly finish: (files: number) => Promise<void>;
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
}

/**
 * The program `sync` does it for a whole filesystem in one go: for 20,000 files that takes a second, against half a
 * minute for one file after the other. That is what is done for few files, and where that program is missing or fails.
 */
export function treeSync(fs: Filesystem, path: Bytes, program = "sync"): TreeSync {
  const text = exactTextOf(path);
  let ahead = 0;
  let running: Running | undefined;
  /** An error of the disk is told but once: where it was told early, all files have to be asked. */
  let isOfUse = text !== undefined;

  const begin = (): Running => {
    const child = spawn(program, ["-f", "--", text ?? ""], { stdio: "ignore" });
    const ended = endedWell(child).then((well) => {
      isOfUse &&= well;
      running = undefined;
    });
    return (running = { child, ended });
  };

  return {
    wrote(bytes) {
      ahead += bytes;
      if (ahead < AHEAD || running !== undefined || !isOfUse) return;
      ahead = 0;
      // Who is interrupted does not wait for the disk.
      begin().child.unref();
    },
    async finish(files) {
      running?.child.ref();
      await running?.ended;
      if (files >= MANY && isOfUse) {
        await begin().ended;
        if (isOfUse) return;
      }
      await syncEach(fs, path);
    },
  };
}

async function endedWell(child: ChildProcess): Promise<boolean> {
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code === 0;
  } catch {
    return false;
  }
}

async function syncEach(fs: Filesystem, path: Bytes): Promise<void> {
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
