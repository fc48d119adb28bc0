import { disk, type Filesystem } from "../../lib/filesystem.js";

const TABLE = "/proc/self/mountinfo";

/** The real disk, but with these mounts: the lines of `/proc/self/mountinfo`. */
export function withMounts(...lines: readonly string[]): Partial<Filesystem> {
  const text = Buffer.from(`${lines.join("\n")}\n`);
  let table: number | undefined;
  return {
    openRead: (path) => (path === TABLE ? (table = disk.openRead(path)) : disk.openRead(path)),
    read(fd, buffer, offset, length, position) {
      if (fd !== table) return disk.read(fd, buffer, offset, length, position);
      const bytes = text.subarray(position, position + length);
      buffer.set(bytes, offset);
      return bytes.length;
    },
    close(fd) {
      if (fd === table) table = undefined;
      disk.close(fd);
    },
  };
}
