import { textOf, type Bytes } from "../bytes.js";
import { BROKEN, HoldstillError, isErrno, isNoSpace } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { writeAll } from "../write-all.js";
import type { Stage } from "./place.js";
import { readPrefix, type Sink } from "./quiet.js";

/** Writes into the stage. Its own disk failing is not the fault of the file that is captured, and ends the run. */
export function intoStage<T>(stage: Pick<Stage, "path">, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw stageFailure(stage, error);
  }
}

/** What an error of the stage's disk means. */
export function stageFailure(stage: Pick<Stage, "path">, error: unknown): unknown {
  const isFull = isNoSpace(error) || (error instanceof HoldstillError && error.code === "no-space");
  if (!isFull && !isErrno(error, ...BROKEN)) return error;
  const [code, what] = isFull
    ? (["no-space", "no space is left for the stage"] as const)
    : (["io", "the stage cannot be written"] as const);
  const hint = "Free some space on the source's filesystem, or see to its disk.";
  return new HoldstillError(code, what, { path: textOf(stage.path), hint, cause: error });
}

/** Writes bytes to a private file in the stage. */
export function storeBytes(fs: Filesystem, stage: Stage, bytes: Uint8Array): Bytes {
  stage.space.take(bytes.length);
  const path = stage.next();
  const fd = intoStage(stage, () => fs.create(path, 0o600));
  try {
    intoStage(stage, () => writeAll(fs, fd, bytes));
  } finally {
    fs.close(fd);
  }
  return path;
}

/** Copies the first bytes of an open file to a private file in the stage. */
export async function storeCopy(fs: Filesystem, stage: Stage, fd: number, size: number): Promise<Bytes> {
  const copy = fileSink(fs, stage);
  try {
    if (await readPrefix(fs, fd, copy.sink, size)) return copy.keep();
    throw new Error("a private file is shorter than it was");
  } finally {
    copy.discard();
  }
}

/** A sink that writes a private file in the stage, a fresh one for every try. */
export interface FileSink {
  readonly sink: Sink;
  /** The file's path; it stays in the stage. */
  readonly keep: () => Bytes;
  /** The file, open for reading and without a name: it is gone as soon as it is closed. */
  readonly takeOut: () => number;
  /** Removes what was neither kept nor taken out. */
  readonly discard: () => void;
}

export function fileSink(fs: Filesystem, stage: Stage): FileSink {
  let path: Bytes | undefined;
  let fd: number | undefined;

  const close = (): void => {
    const open = fd;
    fd = undefined;
    if (open !== undefined) fs.close(open);
  };
  const discard = (): void => {
    close();
    if (path !== undefined) fs.unlink(path);
    path = undefined;
  };
  const keep = (): Bytes => {
    const kept = path;
    if (kept === undefined) throw new Error("nothing was written");
    close();
    path = undefined;
    return kept;
  };

  return {
    sink: {
      restart() {
        discard();
        const fresh = stage.next();
        fd = intoStage(stage, () => fs.create(fresh, 0o600));
        path = fresh;
      },
      write(chunk) {
        const open = fd;
        if (open === undefined) throw new Error("nothing was begun");
        stage.space.take(chunk.length);
        intoStage(stage, () => writeAll(fs, open, chunk));
      },
    },
    keep,
    takeOut() {
      const kept = keep();
      const opened = fs.openRead(kept);
      fs.unlink(kept);
      return opened;
    },
    discard,
  };
}
