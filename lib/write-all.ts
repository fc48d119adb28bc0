import type { Filesystem } from "./filesystem.js";

/** Writes all of it: a disk may take less at a time. */
export function writeAll(fs: Pick<Filesystem, "write">, fd: number, data: Uint8Array): void {
  for (let offset = 0; offset < data.length;) offset += fs.write(fd, data.subarray(offset));
}
