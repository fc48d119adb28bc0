import type { FrozenDirectory, FrozenFile, FrozenHardlink, FrozenSymlink, Skipped } from "../stage/entry.js";
import type { Proof } from "../stage/guard.js";
import { namedPath, namedTarget, type EndLine, type EntryLine } from "./index.js";
import type { Totals } from "./tally.js";

/** The index line of a file, with the proof of how it was captured. */
export function fileLine(file: FrozenFile, proof: Proof, sha256: string): EntryLine {
  const { source, path, mode, uid, gid, method, reason, database } = file;
  const { size, mtimeNs, verdict, cut, at } = proof;
  const capture = { method, verdict, cut, at: new Date(at).toISOString(), ...(reason && { reason }) };
  // Written out: it is made for every file, and putting it together from several objects took most of the time.
  const facts = { source, size, mode, uid, gid, mtimeNs: String(mtimeNs), sha256, capture };
  return { type: "file", ...namedPath(path), ...facts, ...(database && { database: { ...database } }) };
}

/** The index line of anything else. */
export function lineOf(entry: FrozenDirectory | FrozenSymlink | FrozenHardlink | Skipped): EntryLine {
  const { source, path } = entry;
  if (entry.type === "skip") {
    const { reason, detail } = entry;
    const why = detail === undefined ? {} : reason === "excluded" ? { rule: detail } : { detail };
    return { type: "skip", ...namedPath(path), source, reason, ...why };
  }
  const { mode, uid, gid, mtimeNs } = entry;
  const named = { ...namedPath(path), source, mode, uid, gid, mtimeNs: String(mtimeNs) };
  switch (entry.type) {
    case "directory":
      return { type: "directory", ...named };
    case "symlink":
      return { type: "symlink", ...named, ...namedTarget(entry.target) };
    case "hardlink": {
      const { target } = entry;
      const elsewhere = target.source === source ? {} : { targetSource: target.source };
      return { type: "hardlink", ...named, ...namedTarget(target.path), ...elsewhere };
    }
  }
}

/** The last line, with the digest of all before it. */
export function endLine({ counts, left }: Totals, sha256: string): EndLine {
  const { files, directories, symlinks, hardlinks, bytes } = counts;
  return { type: "end", files, directories, symlinks, hardlinks, skipped: left, bytes, sha256 };
}
