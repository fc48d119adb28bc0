import { setImmediate } from "node:timers/promises";
import { below, nameOf, parentOf, type Bytes } from "../bytes.js";
import { BROKEN, isErrno } from "../errors.js";
import type { Filesystem, Listed } from "../filesystem.js";
import { descent, hasDescriptorPaths, type Descent } from "./descent.js";
import type { Selection } from "./selection.js";

/** How many names are looked at before signals get through. */
const BREATH = 4096;

export interface Traversed {
  readonly path: Bytes;
  readonly type: "directory" | "file";
  readonly selection: Selection;
}

/** What is seen of a source on the way. What vanishes meanwhile is not seen. */
export interface Traveller {
  /** A name that may be a regular file; `from` is where it is to be opened, until this returns. */
  readonly file: (path: Bytes, from: Bytes) => void;
  readonly directory?: (path: Bytes) => void;
  /** A symbolic link, or what is neither file nor directory. */
  readonly other?: (path: Bytes) => void;
  /** A directory that may not or cannot be listed. */
  readonly closed?: (path: Bytes) => void;
  readonly excluded?: (rule: string) => void;
}

/** Looks at what of a source would be taken, without taking it. */
export async function traverse(
  fs: Filesystem,
  { path: root, type, selection }: Traversed,
  signal: AbortSignal,
  traveller: Traveller,
): Promise<void> {
  const down = descent(fs, type === "file" ? parentOf(root) : root, hasDescriptorPaths(fs));
  const waiting = ["." as Bytes];
  let looked = 0;
  try {
    if (type === "file") {
      traveller.file("." as Bytes, `${down.enter("." as Bytes).base}/${nameOf(root)}` as Bytes);
      return;
    }
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const listed = list(fs, down, path, () => traveller.closed?.(path));
      const rule = listed && selection.ofListed(path, listed.base, listed.names);
      if (rule !== undefined) traveller.excluded?.(rule);
      if (listed === undefined || rule !== undefined) continue;
      traveller.directory?.(path);
      for (const { name, kind } of listed.names) {
        if (++looked % BREATH === 0) await setImmediate().then(() => signal.throwIfAborted());
        const child = below(path, name);
        const excluded = selection.ofName(child, kind);
        if (excluded !== undefined) traveller.excluded?.(excluded);
        else if (kind === "directory") waiting.push(child);
        else if (kind === "file" || kind === "unknown") traveller.file(child, `${listed.base}/${name}` as Bytes);
        else traveller.other?.(child);
      }
    }
  } finally {
    down.close();
  }
}

function list(
  fs: Filesystem,
  down: Descent,
  path: Bytes,
  onClosed: () => void,
): { base: Bytes; names: Listed[] } | undefined {
  try {
    const { base } = down.enter(path);
    return { base, names: fs.list(base) };
  } catch (error) {
    if (isErrno(error, "EACCES", "EPERM", ...BROKEN, "ENOTCONN", "ENAMETOOLONG")) onClosed();
    else if (!isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ESTALE")) throw error;
    return undefined;
  }
}
