import { lstatSync, rmSync } from "node:fs";
import type { Operation, Step } from "../helpers/steps.js";

/** A way in which the disk can fail. */
export interface Kind {
  readonly name: string;
  /** Which steps can fail so, where everything in `root` is the spec's own. */
  readonly applies: (step: Step, root: string) => boolean;
  /** Fails, or does less than was asked for. */
  readonly act: (step: Step, go: (...args: unknown[]) => unknown) => unknown;
  /** Whether every such step fails from there on. */
  readonly lasting?: boolean;
  /** Whether the program has to cope as if nothing were the matter. */
  readonly harmless?: boolean;
}

const WRITING: readonly Operation[] = ["create", "write", "writeAsync", "sync", "link", "reflink", "rename", "mkdir"];
const OPENING: readonly Operation[] = ["openDirectory", "openRead", "create", "list"];
const BY_DESCRIPTOR: readonly Operation[] = ["fstat", "read", "readAsync", "close", "write", "writeAsync", "sync"];

/** An error as the port gives them: it names what it is about, also where that is open. */
export class Injected extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly path: string;

  constructor(code: string, { operation, paths }: Step) {
    super(`${code}: by the spec, ${operation} '${paths.join("' -> '")}'`);
    this.code = code;
    this.syscall = operation;
    this.path = paths[0] ?? "";
  }
}

function fails(code: string, operations: (step: Step) => boolean, options: Partial<Kind> = {}): Kind {
  const act = (step: Step, go: () => unknown): never => {
    // A descriptor is closed whatever close(2) says.
    if (step.operation === "close") go();
    throw new Injected(code, step);
  };
  return { name: code, applies: operations, act, ...options };
}

/** What /proc tells is not on a disk, nor is where it says that a descriptor leads. */
const onDisk = ({ operation, args, paths }: Step): boolean =>
  !paths.some((path) => path.startsWith("/proc/")) &&
  !(operation === "readlink" && /^\/proc\/self\/fd\/\d+$/.test(String(args[0])));
const among =
  (operations: readonly Operation[]) =>
  (step: Step): boolean =>
    operations.includes(step.operation) && onDisk(step);
const byPath = (step: Step): boolean => !BY_DESCRIPTOR.includes(step.operation) && onDisk(step);

/** Some bytes, and at least one: what a system call may always do. */
function some(length: unknown): number {
  return Math.max(1, Math.floor(Number(length) / 3));
}

export const KINDS: readonly Kind[] = [
  fails("EIO", onDisk),
  fails("ENOSPC", among(WRITING), { lasting: true }),
  fails("EACCES", (step) => byPath(step) && step.operation !== "space"),
  fails("EMFILE", among(OPENING)),
  {
    name: "ENOENT, really gone",
    // What it removes is really gone: never anything that is not the spec's own.
    applies: (step, root) =>
      step.paths[0]?.startsWith(`${root}/`) === true &&
      byPath(step) &&
      ["lstat", "openRead", "list", "link", "rename", "unlink", "readlink"].includes(step.operation) &&
      isFile(step),
    act(step, go) {
      rmSync(String(step.paths[0]));
      return go();
    },
  },
  {
    name: "short reads",
    applies: among(["read", "readAsync"]),
    act: ({ args: [fd, buffer, offset, length, position] }, go) => go(fd, buffer, offset, some(length), position),
    harmless: true,
  },
  {
    name: "short writes",
    applies: among(["write", "writeAsync"]),
    act: ({ args: [fd, data] }, go) => go(fd, (data as Uint8Array).subarray(0, some((data as Uint8Array).length))),
    harmless: true,
  },
];

function isFile({ paths: [path = ""] }: Step): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.isFile();
}
