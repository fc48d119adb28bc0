import type { Filesystem } from "./filesystem.js";

/**
 * Closes a descriptor at the first call, and never again: whatever close(2) says, the number is given back, and may be
 * another file's a moment later.
 */
export function closeOnce(fs: Filesystem, fd: number): () => void {
  let open = true;
  return () => {
    if (!open) return;
    open = false;
    fs.close(fd);
  };
}
