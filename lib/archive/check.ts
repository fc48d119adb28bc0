import { hash } from "node:crypto";
import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { SkipReason, Verdict } from "../stage/entry.js";
import { checkForeign } from "./check-foreign.js";
import { checkOwn } from "./check-own.js";
import type { SnapshotLine } from "./index.js";
import { readTar, type TarEntry, type TarVisitor } from "./read.js";

/** What an archive holds, all of it read; sizes in bytes. */
export interface Checked {
  readonly counts: {
    readonly files: number;
    readonly directories: number;
    readonly symlinks: number;
    readonly hardlinks: number;
    readonly databases: number;
    readonly bytes: number;
  };
  /** What could not be checked: sentences. */
  readonly unchecked: readonly string[];
  /** What its index says: for archives made by holdstill. */
  readonly index?: {
    readonly snapshot: SnapshotLine;
    /** Of all lines but the last. */
    readonly sha256: string;
    readonly verdicts: Readonly<Record<Verdict, number>>;
    readonly skipped: Readonly<Record<SkipReason, number>>;
    /** The names, in the archive, of databases that were found sound when they were captured. */
    readonly sound: readonly Bytes[];
  };
}

/** The first entry of an archive: what all others are measured by. */
export interface Manifest {
  readonly entry: TarEntry;
  /** The one directory at the top. */
  readonly root: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly sha256: string;
}

/** Checks the entries after the manifest as they come. */
export interface Inspector {
  readonly entry: (entry: TarEntry) => void;
  readonly data: (chunk: Buffer) => void;
  readonly end: () => void;
  readonly finish: () => Checked;
}

/** In bytes. OpenClaw reads no larger one either. */
const LARGEST_MANIFEST = 1024 * 1024;

/**
 * Reads an archive to its last byte, decompressed. If holdstill made it, everything in it is compared with its index,
 * both ways; of others the structure is checked.
 * @param onFile called after each file
 * @param observer shown what follows the manifest
 * @throws HoldstillError `bad-archive` that names the first difference
 */
export async function checkArchive(
  chunks: AsyncIterable<Buffer>,
  onFile: () => void = () => {},
  observer?: Required<TarVisitor>,
): Promise<Checked> {
  /** Before it is known whose archive this is. */
  let irregular: HoldstillError | undefined;
  let inspector: Inspector | undefined;
  let manifestEntry: TarEntry | undefined;
  let current: TarEntry | undefined;
  let parts: Buffer[] = [];
  let isOwn: boolean | undefined;

  const visitor: TarVisitor = {
    entry(entry) {
      current = entry;
      if (!inspector) {
        manifestEntry = checkedManifestEntry(entry);
        return;
      }
      inspector.entry(entry);
      return observer?.entry(entry);
    },
    data(chunk) {
      if (!inspector) {
        parts.push(Buffer.from(chunk));
        return;
      }
      inspector.data(chunk);
      return observer?.data(chunk);
    },
    end() {
      if (inspector) {
        inspector.end();
        if (current?.type === "file") onFile();
        return observer?.end();
      }
      if (manifestEntry === undefined) return;
      const manifest = parseManifest(manifestEntry, Buffer.concat(parts));
      parts = [];
      isOwn = "holdstill" in manifest.value;
      if (isOwn && irregular) throw irregular;
      inspector = isOwn ? checkOwn(manifest) : checkForeign(manifest);
    },
  };
  await readTar(chunks, visitor, (problem) => {
    if (isOwn === true) throw problem;
    irregular ??= problem;
  });
  if (inspector === undefined) throw new HoldstillError("bad-archive", "the archive is empty");
  return inspector.finish();
}

function checkedManifestEntry(entry: TarEntry): TarEntry {
  const name = textOf(entry.name);
  if (!/^[^/]+\/manifest\.json$/.test(entry.name) || entry.type !== "file") {
    throw new HoldstillError("bad-archive", `the archive does not begin with a manifest, but with ${name}`, {
      hint: "Only archives made by holdstill or by `openclaw backup create` can be verified.",
    });
  }
  if (entry.size > LARGEST_MANIFEST) throw new HoldstillError("bad-archive", `${name} is larger than 1 MiB`);
  return entry;
}

function parseManifest(entry: TarEntry, body: Buffer): Manifest {
  const name = textOf(entry.name);
  const root = name.slice(0, name.indexOf("/"));
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
