import { setPriority } from "node:os";
import { bytesOf } from "./bytes.js";
import { isErrno } from "./errors.js";
import type { Filesystem } from "./filesystem.js";
import { runProgram } from "./run-program.js";

const LOWEST = 19;

/**
 * Lets all else go first from now on, at the processors and at the disks; there is no way back. Children inherit it.
 * @returns what could not be had, in words
 */
export async function goIdle(
  fs: Filesystem,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const threads = threadsOf(fs);
  try {
    for (const thread of threads) lower(thread);
    const ended = await runProgram("ionice", ["--class", "idle", "--pid", ...threads.map(String)], { env });
    if (ended?.exitCode === 0) return undefined;
    return `the disks are used at normal priority: ${ended === undefined ? "there is no ionice here" : ended.err.trim()}`;
  } catch (error) {
    if (!isErrno(error, "EACCES", "EPERM")) throw error;
    return `the run goes on at normal priority: ${error.message}`;
  }
}

/** Linux has a priority for each thread, and Node reads files in several. */
function threadsOf(fs: Filesystem): number[] {
  try {
    return fs.list(bytesOf("/proc/self/task")).map(({ name }) => Number(name));
  } catch (error) {
    if (!isErrno(error, "ENOENT", "EACCES")) throw error;
    return [0];
  }
}

/** Never fails for a thread that has ended meanwhile. */
function lower(thread: number): void {
  try {
    setPriority(thread, LOWEST);
  } catch (error) {
    // Node hides the system's code one level deeper here.
    const { info = error } = error as { readonly info?: NodeJS.ErrnoException };
    const cause = Object.assign(new Error("the priority cannot be lowered"), info);
    if (!isErrno(cause, "ESRCH")) throw cause;
  }
}
