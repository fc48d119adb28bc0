import { posix } from "node:path";
import { HoldstillError } from "../errors.js";
import { PRIVATE_CAPTURE } from "./marker.js";
import type { Look, ProfilePlan } from "./plan.js";
import { sourcesOf } from "./sources.js";

/**
 * Directories that are backed up as they are.
 * Fails with `source-missing` where one does not exist or is something else.
 */
export function directory(paths: readonly string[], cwd: string, look: Look): ProfilePlan {
  const candidates = paths.map((path) => ({ kind: "workspace" as const, path: posix.resolve(cwd, path) }));
  for (const { path } of candidates) {
    const kind = look.kind(path);
    if (kind === undefined) throw missing(path);
    if (kind !== "directory") {
      throw new HoldstillError("source-missing", "the source is not a directory", {
        path,
        hint: "Give the directory that it lies in; --exclude leaves out what else is there.",
      });
    }
  }
  const found = sourcesOf(candidates, look);
  for (const { sourcePath, reason } of found.skipped) {
    // It was there a moment ago.
    if (reason === "missing" || reason === "special") throw missing(sourcePath);
  }
  return {
    profile: "directory",
    ...found,
    problems: [],
    markers: [PRIVATE_CAPTURE],
    paths: undefined,
    options: { includeWorkspace: true, onlyConfig: false },
  };
}

function missing(path: string): HoldstillError {
  return new HoldstillError("source-missing", "the source does not exist", {
    path,
    hint: "Check the path given with --source, and that this user may enter the directories above it.",
  });
}
