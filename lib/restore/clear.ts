import { under, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { hasDescriptorPaths, pathOfDescriptor } from "../stage/descent.js";

/**
 * Empties a directory of our own, one file aside, whatever modes were given to what is in it; follows no link. What lies
 * deeper is moved up before it is removed: paths stay short and few directories are open, however deep the tree is.
 */
export function clearDirectory(fs: Filesystem, path: Bytes, kept: Bytes): void {
  const names = removeFiles(fs, path, kept);
  const taken = new Set(names);
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    const directory = under(path, name);
    const fd = openWritable(fs, directory);
    try {
      const base = hasDescriptorPaths(fs) ? pathOfDescriptor(fd) : directory;
      for (const child of removeFiles(fs, base)) {
        const below = under(base, child);
        // Without the right to write into it, a directory cannot get another parent.
        fs.close(openWritable(fs, below));
        const lifted = freeName(taken);
        fs.rename(below, under(path, lifted));
        names.push(lifted);
      }
    } finally {
      fs.close(fd);
    }
    fs.rmdir(directory);
  }
}

/** @returns the directories that are left */
function removeFiles(fs: Filesystem, path: Bytes, kept?: Bytes): Bytes[] {
  const directories: Bytes[] = [];
  for (const { name, kind } of fs.list(path)) {
    if (name === kept) continue;
    if (kind === "directory") directories.push(name);
    else fs.unlink(under(path, name));
  }
  return directories;
}

function freeName(taken: Set<Bytes>): Bytes {
  let number = taken.size;
  while (taken.has(`.holdstill-${number}` as Bytes)) number++;
  const free = `.holdstill-${number}` as Bytes;
  taken.add(free);
  return free;
}

function openWritable(fs: Filesystem, path: Bytes): number {
  try {
    const fd = fs.openDirectory(path);
    fs.fchmod(fd, 0o700);
    return fd;
  } catch (error) {
    if (!isErrno(error, "EACCES")) throw error;
    fs.chmod(path, 0o700);
    return fs.openDirectory(path);
  }
}
