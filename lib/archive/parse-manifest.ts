import { hash } from "node:crypto";
import { textOf } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { TarEntry } from "./read.js";

/** What an archive says of itself; in those of holdstill it is the first entry. */
export interface Manifest {
  readonly entry: TarEntry;
  /** The one directory at the top. */
  readonly root: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly sha256: string;
}

/** In bytes. OpenClaw reads no larger one either. */
export const LARGEST_MANIFEST = 1024 * 1024;

export function isManifest({ name, type }: Pick<TarEntry, "name" | "type">): boolean {
  return type === "file" && /^[^/]+\/manifest\.json$/.test(name);
}

/** The directory at the top of the archive that an entry belongs to. */
export function rootOf({ name }: Pick<TarEntry, "name">): string {
  return textOf(name).split("/", 1)[0] ?? "";
}

export function checkedSize(entry: TarEntry): TarEntry {
  if (entry.size <= LARGEST_MANIFEST) return entry;
  throw new HoldstillError("bad-archive", `${textOf(entry.name)} is larger than 1 MiB`);
}

/** @throws HoldstillError `bad-archive` */
export function parseManifest(entry: TarEntry, body: Buffer): Manifest {
  const name = textOf(entry.name);
  const root = rootOf(entry);
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new HoldstillError("bad-archive", `${name} is not JSON`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new HoldstillError("bad-archive", `${name} is not a manifest`);
  }
  const record = value as Record<string, unknown>;
  if (record.schemaVersion !== 1) {
    throw new HoldstillError("bad-archive", `${name} is of an unknown schema: ${JSON.stringify(record.schemaVersion)}`);
  }
  if (record.archiveRoot !== root) {
    throw new HoldstillError("bad-archive", `${name} names another directory as its own`);
  }
  return { entry, root, value: record, sha256: hash("sha256", body, "hex") };
}
