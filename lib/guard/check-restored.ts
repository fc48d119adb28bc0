import { targetOf } from "../archive/index.js";
import { textOf, under, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno } from "../errors.js";
import { fileDigest } from "../file-digest.js";
import type { Filesystem, Stat } from "../filesystem.js";
import type { Gathering } from "./index-lines.js";
import type { Place } from "./journal.js";
import { isStored, pathInPlace, type FileEntry, type StoredEntry } from "./lines-of-place.js";

/** `whole` reads every file; `shape` takes a file of the right size and time for the right one. */
export type Depth = "whole" | "shape";

/**
 * Holds what was put beside a place against the index: every entry is there as it should be, and nothing else.
 * @returns a gathering that rejects with HoldstillError `verify-failed` at the first difference
 */
export function checkRestored(fs: Filesystem, place: Place, depth: Depth): Gathering<void> {
  let entries = 0;
  const expect = (holds: boolean, path: Bytes, what: string): void => {
    if (!holds) throw differs(under(place.fresh, path), what);
  };

  const file = async (line: FileEntry, path: Bytes, { kind, size, mtimeNs }: Stat): Promise<void> => {
    expect(kind === "file" && size === line.size, path, "its size");
    expect(mtimeNs / 1000n === BigInt(line.mtimeNs) / 1000n, path, "its time");
    if (depth === "whole")
      expect((await fileDigest(fs, under(place.fresh, path))) === line.sha256, path, "its content");
  };

  const entry = async (line: StoredEntry, path: Bytes): Promise<void> => {
    const at = under(place.fresh, path);
    const stat = found(fs, at);
    if (stat === undefined) throw differs(at, "it is missing");
    entries++;
    if (line.type === "file") return file(line, path, stat);
    if (line.type === "symlink") {
      expect(stat.kind === "symlink" && fs.readlink(at) === targetOf(line), path, "its target");
    } else expect(stat.kind === (line.type === "directory" ? "directory" : "file"), path, "its kind");
  };

  return {
    line(line) {
      const path = pathInPlace(place, line);
      return path === undefined || !isStored(line) ? undefined : entry(line, path);
    },
    result() {
      const there = countOf(fs, place.fresh, place.type);
      if (there !== entries) throw differs(place.fresh, `it holds ${there} things, not ${entries}`);
    },
  };
}

function differs(path: Bytes, what: string): HoldstillError {
  return new HoldstillError("verify-failed", `what was put beside is not what the archive holds: ${what}`, {
    path: textOf(path),
    hint: "Suspect the disk.",
  });
}

function found(fs: Filesystem, path: Bytes): Stat | undefined {
  try {
    return fs.lstat(path);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

function countOf(fs: Filesystem, root: Bytes, type: Place["type"]): number {
  if (type === "file") return 1;
  let count = 1;
  const waiting = [root];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const { name, kind } of fs.list(path)) {
      count++;
      if (kind === "directory") waiting.push(under(path, name));
    }
  }
  return count;
}
