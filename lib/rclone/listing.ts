import { text } from "node:stream/consumers";
import type { Engine } from "../engine/run.js";
import { askRclone, at, type EngineNeeds } from "./run.js";

/** A file of a remote, by what that reports. */
export interface RemoteFile {
  readonly name: string;
  readonly size: number;
  /** Milliseconds of the epoch. */
  readonly mtimeMs: number;
  /** In hex, by algorithm: those that the remote has. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** The files in the directory itself; undefined where it is not there. */
export async function listFiles(rclone: Engine, around: EngineNeeds): Promise<readonly RemoteFile[] | undefined> {
  const answer = await askRclone(rclone, ["lsjson", "--files-only", "--no-mimetype", at("")], text, around);
  if (answer === undefined) return undefined;
  const value: unknown = JSON.parse(answer);
  return Array.isArray(value) ? (value as Told[]).map(fileOf) : [];
}

/** One file with its digests, as far as the remote has any; undefined where it is not there. */
export async function fileAt(
  rclone: Engine,
  name: string,
  algorithms: readonly string[],
  around: EngineNeeds,
): Promise<RemoteFile | undefined> {
  const types = algorithms.flatMap((algorithm) => ["--hash-type", algorithm]);
  const answer = await askRclone(rclone, ["lsjson", "--stat", "--hash", ...types, at(name)], text, around);
  const value = JSON.parse(answer ?? "null") as Told | null;
  // Stores without directories, such as S3, have one by any name.
  return value === null || value.IsDir ? undefined : fileOf(value);
}

interface Told {
  readonly Name: string;
  readonly Size: number;
  readonly ModTime: string;
  readonly IsDir: boolean;
  readonly Hashes?: Readonly<Record<string, string>>;
}

function fileOf({ Name, Size, ModTime, Hashes = {} }: Told): RemoteFile {
  return { name: Name, size: Size, mtimeMs: Date.parse(ModTime), hashes: Hashes };
}
