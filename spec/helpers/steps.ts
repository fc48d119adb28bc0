import { disk, type Filesystem } from "../../lib/filesystem.js";
import { bytesOf } from "../../lib/bytes.js";
import { isErrno } from "../../lib/errors.js";

export type Operation = keyof Filesystem;

/** One call of the port. */
export interface Step {
  readonly operation: Operation;
  readonly args: readonly unknown[];
  /** What it is about, by the names that a person would use: of descriptors, what they have open when this is asked. */
  readonly paths: readonly string[];
}

const ASYNC: ReadonlySet<Operation> = new Set<Operation>(["readAsync", "writeAsync", "sync"]);
const TWO_PATHS: ReadonlySet<Operation> = new Set<Operation>(["link", "reflink", "rename"]);

/** A disk on which `at` stands between each call and what it does: it may do it, do something else, or fail. */
export function stepping(
  at: (step: Step, go: (...args: unknown[]) => unknown) => unknown,
  base: Filesystem = disk,
): Filesystem {
  const wrapped = Object.entries(base).map(([name, real]) => {
    const operation = name as Operation;
    const go = real as (...args: unknown[]) => unknown;
    const step = (args: unknown[]): unknown => {
      const named = operation === "symlink" ? args.slice(1) : args.slice(0, TWO_PATHS.has(operation) ? 2 : 1);
      let paths: string[] | undefined;
      const one: Step = {
        operation,
        args,
        // Few ask, and it takes a look at the disk.
        get paths() {
          return (paths ??= named.map(shown));
        },
      };
      return at(one, (...others) => go(...(others.length > 0 ? others : args)));
    };
    return [
      operation,
      ASYNC.has(operation) ? async (...args: unknown[]) => step(args) : (...args: unknown[]) => step(args),
    ] as const;
  });
  return Object.fromEntries(wrapped) as unknown as Filesystem;
}

/** The path of a descriptor, or of what is reached through one. */
function shown(arg: unknown): string {
  if (typeof arg === "number") return target(`/proc/self/fd/${arg}`);
  const path = String(arg);
  const [, fd, rest = ""] = /^(\/proc\/self\/fd\/\d+)(\/.*)?$/.exec(path) ?? [];
  return fd === undefined ? path : target(fd) + rest;
}

function target(path: string): string {
  try {
    return disk.readlink(bytesOf(path));
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    return path;
  }
}
