import type { Marker } from "./marker.js";
import type { Rule } from "./exclude.js";

export type SourceKind = "state" | "config" | "credentials" | "workspace" | "agent";

/** A root to back up, all links in its path resolved. */
export interface SourcePlan {
  readonly path: string;
  readonly type: "directory" | "file";
  readonly kind: SourceKind;
  /** What to leave out of it, by patterns whose root is this source. */
  readonly rules: readonly Rule[];
  readonly agentId?: string;
}

/** Something that was looked for and is no source of its own. */
export interface SkippedSource {
  readonly kind: SourceKind;
  readonly sourcePath: string;
  readonly reason: "covered" | "missing" | "special";
  /** The path of the source that it lies in. */
  readonly coveredBy?: string;
}

/** Where the program keeps its things, as `paths` of the manifest tells it. */
export interface ProfilePaths {
  readonly stateDir: string;
  readonly configPath: string;
  readonly oauthDir: string;
  readonly workspaceDirs: readonly string[];
  readonly agentRoots: readonly { readonly agentId: string; readonly sourcePath: string }[];
}

export interface ProfilePlan {
  readonly profile: "openclaw" | "directory";
  readonly sources: readonly SourcePlan[];
  readonly skipped: readonly SkippedSource[];
  /** What could not be resolved, in words: the backup is made and is not complete. */
  readonly problems: readonly string[];
  /** Files that exclude the directory they lie in, looked for in every directory. */
  readonly markers: readonly Marker[];
  /** Undefined for plain directories. */
  readonly paths: ProfilePaths | undefined;
  readonly options: { readonly includeWorkspace: boolean; readonly onlyConfig: boolean };
}

/** What a profile asks of the disk. Paths are absolute. */
export interface Look {
  /** The path with all links resolved; what does not exist keeps the rest of its path as it is. */
  readonly canonical: (path: string) => string;
  /** What is there when links are followed, or undefined. */
  readonly kind: (path: string) => "file" | "directory" | "special" | undefined;
  /** The text of a regular file, or undefined where it is missing, too large or may not be read. */
  readonly read: (path: string) => string | undefined;
}
