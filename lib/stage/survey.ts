import { isErrno } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { traverse, type Traversed } from "./traverse.js";

export interface Surveyed {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  /** How many things each rule leaves out. */
  readonly rules: ReadonlyMap<string, number>;
}

/** Counts what of a source would be taken. */
export async function survey(fs: Filesystem, source: Traversed, signal: AbortSignal): Promise<Surveyed> {
  const counts = { files: 0, directories: 0, bytes: 0 };
  const rules = new Map<string, number>();
  await traverse(fs, source, signal, {
    file(_, from) {
      try {
        const { kind, size } = fs.lstat(from);
        if (kind !== "file") return;
        counts.files++;
        counts.bytes += size;
      } catch (error) {
        if (!isErrno(error, "ENOENT", "ESTALE", "EACCES")) throw error;
      }
    },
    directory: () => void counts.directories++,
    excluded: (rule) => void rules.set(rule, (rules.get(rule) ?? 0) + 1),
  });
  return { ...counts, rules };
}
