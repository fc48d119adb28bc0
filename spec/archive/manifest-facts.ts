import { bytesOf, type Bytes } from "../../lib/bytes.js";
import type { ManifestFacts } from "../../lib/archive/manifest.js";
import type { ProfilePlan, SourcePlan } from "../../lib/profile/plan.js";
import type { FrozenEntry, FrozenFile } from "../../lib/stage/entry.js";

export const ROOT = "20261123T120000Z-openclaw-backup";

export function source(kind: SourcePlan["kind"], path: string, type: SourcePlan["type"] = "directory"): SourcePlan {
  return { kind, path, type, rules: [] };
}

export function plan(changes: Partial<ProfilePlan> = {}): ProfilePlan {
  const stateDir = "/home/u/.openclaw";
  return {
    profile: "openclaw",
    sources: [source("state", stateDir), source("workspace", "/srv/ws")],
    skipped: [],
    problems: [],
    markers: [],
    paths: {
      stateDir,
      configPath: `${stateDir}/openclaw.json`,
      oauthDir: `${stateDir}/credentials`,
      workspaceDirs: ["/srv/ws"],
      agentRoots: [{ agentId: "main", sourcePath: `${stateDir}/agents/main/agent` }],
    },
    options: { includeWorkspace: true, onlyConfig: false },
    ...changes,
  };
}

export function facts(entries: readonly FrozenEntry[], profile = plan()): ManifestFacts {
  return {
    plan: profile,
    root: ROOT,
    createdAt: "2026-11-23T12:00:00.000Z",
    runtimeVersion: "holdstill 0.1.0",
    platform: "linux",
    nodeVersion: "v24.21.0",
    entries,
    holdstill: { schema: 1 },
  };
}

const OWNED = { mode: 0o600, uid: 0, gid: 0, mtimeNs: 0n };

export function directory(path: string, source = 0): FrozenEntry {
  return { type: "directory", source, path: bytesOf(path), ...OWNED };
}

export function link(path: string, target: string, source = 0): FrozenEntry {
  return { type: "symlink", source, path: bytesOf(path), target: bytesOf(target), ...OWNED };
}

export function file(path: string, source = 0, method: "link" | "database" = "link"): FrozenFile {
  const staged = "/stage/x" as Bytes;
  return { type: "file", source, path: bytesOf(path), size: 0, method, staged, at: 0, dev: 1, ino: 1, ...OWNED };
}
