import { setImmediate } from "node:timers/promises";
import { below, nameOf, parentOf, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { Filesystem, Listed } from "../filesystem.js";
import { descent, hasDescriptorPaths, type Descent } from "./descent.js";
import type { Selection } from "./selection.js";

/** How many names are looked at before signals get through. */
const BREATH = 4096;

export interface Surveyed {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  /** How many things each rule leaves out. */
  readonly rules: ReadonlyMap<string, number>;
}

/** Looks at what of a source would be taken, without taking it. What vanishes meanwhile is not counted. */
export async function survey(
  fs: Filesystem,
  source: { readonly path: Bytes; readonly type: "directory" | "file"; readonly selection: Selection },
  signal: AbortSignal,
): Promise<Surveyed> {
  const { path: root, type, selection } = source;
  const counts = { files: 0, directories: 0, bytes: 0, rules: new Map<string, number>() };
  const leaveOut = (rule: string): void => void counts.rules.set(rule, (counts.rules.get(rule) ?? 0) + 1);
  const down = descent(fs, type === "file" ? parentOf(root) : root, hasDescriptorPaths(fs));
  let looked = 0;
  try {
    if (type === "file") {
      const { base } = down.enter("." as Bytes);
      return { ...counts, files: 1, bytes: fs.lstat(`${base}/${nameOf(root)}` as Bytes).size };
    }
    const waiting = ["." as Bytes];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const listed = list(fs, down, path);
      if (!listed) continue;
      const rule = selection.ofListed(path, listed.base, listed.names);
      if (rule !== undefined) {
        leaveOut(rule);
        continue;
      }
      counts.directories++;
      for (const { name, kind } of listed.names) {
        if (++looked % BREATH === 0) await setImmediate().then(() => signal.throwIfAborted());
        const child = below(path, name);
        const excluded = selection.ofName(child, kind);
        if (excluded !== undefined) leaveOut(excluded);
        else if (kind === "directory") waiting.push(child);
        else if (kind === "file" || kind === "unknown") countFile(fs, `${listed.base}/${name}` as Bytes, counts);
      }
    }
    return counts;
  } finally {
    down.close();
  }
}

function list(fs: Filesystem, down: Descent, path: Bytes): { base: Bytes; names: Listed[] } | undefined {
  try {
    const { base } = down.enter(path);
    return { base, names: fs.list(base) };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ESTALE", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}

function countFile(fs: Filesystem, path: Bytes, counts: { files: number; bytes: number }): void {
  try {
    counts.bytes += fs.lstat(path).size;
    counts.files++;
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ESTALE", "EACCES")) throw error;
  }
}
