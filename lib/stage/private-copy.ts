import type { Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import type { Stage } from "./place.js";
import type { Sink } from "./quiet.js";

export function writeAll(fs: Filesystem, fd: number, data: Uint8Array): void {
  for (let offset = 0; offset < data.length; ) offset += fs.write(fd, data.subarray(offset));
}

/** Writes bytes to a private file in the stage. */
export function storeBytes(fs: Filesystem, stage: Stage, bytes: Uint8Array): Bytes {
  stage.space.take(bytes.length);
  const path = stage.next();
  const fd = fs.create(path, 0o600);
  try {
    writeAll(fs, fd, bytes);
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
        fd = fs.create(fresh, 0o600);
        path = fresh;
      },
      write(chunk) {
        if (fd === undefined) throw new Error("nothing was begun");
        stage.space.take(chunk.length);
        writeAll(fs, fd, chunk);
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
