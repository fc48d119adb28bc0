import type { Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";

const CHUNK = 1 << 20;

/** Copies a file that was written before, for disks without hard links. */
export function copyOf(fs: Filesystem, from: Bytes, to: Bytes, finish: (fd: number) => void): void {
  const source = fs.openRead(from);
  try {
    const copy = fs.create(to, 0o600);
    try {
      const buffer = Buffer.allocUnsafe(CHUNK);
      for (let position = 0; ;) {
        const read = fs.read(source, buffer, 0, CHUNK, position);
        if (read === 0) break;
        position += read;
        for (let done = 0; done < read;) done += fs.write(copy, buffer.subarray(done, read));
      }
      finish(copy);
    } finally {
      fs.close(copy);
    }
  } finally {
    fs.close(source);
  }
}
