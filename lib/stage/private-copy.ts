import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno, isNoSpace } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import type { Stage } from "./place.js";
import type { Sink } from "./quiet.js";

export function writeAll(fs: Filesystem, fd: number, data: Uint8Array): void {
  for (let offset = 0; offset < data.length;) offset += fs.write(fd, data.subarray(offset));
}

/** Writes into the stage. Its own disk failing is not the fault of the file that is captured, and ends the run. */
function intoStage<T>(stage: Stage, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isNoSpace(error) && !isErrno(error, "EIO")) throw error;
    const [code, what] = isNoSpace(error)
      ? (["no-space", "no space is left for the stage"] as const)
      : (["io", "the stage cannot be written"] as const);
    const hint = "Free some space on the source's filesystem, or see to its disk.";
    throw new HoldstillError(code, what, { path: textOf(stage.path), hint, cause: error });
  }
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
    if (fd !== undefined) fs.close(fd);
    fd = undefined;
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
