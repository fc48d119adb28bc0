import { createHash } from "node:crypto";
import type { Bytes } from "./bytes.js";
import type { Filesystem } from "./filesystem.js";

const CHUNK = 1 << 20;

/** The digest of a file, in hexadecimal digits. */
export async function fileDigest(fs: Filesystem, path: Bytes, algorithm = "sha256"): Promise<string> {
  const fd = fs.openRead(path);
  try {
    const hash = createHash(algorithm);
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (let position = 0; ;) {
      const read = await fs.readAsync(fd, buffer, 0, CHUNK, position);
      if (read === 0) return hash.digest("hex");
      position += read;
      hash.update(buffer.subarray(0, read));
    }
  } finally {
    fs.close(fd);
  }
}
