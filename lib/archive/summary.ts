import { createHmac, hash } from "node:crypto";
import type { SkipReason } from "../stage/entry.js";
import type { Checked } from "./check.js";
import type { NamedPath, SnapshotLine } from "./index.js";
import type { Totals } from "./tally.js";

/**
 * What `list` tells of an archive, kept beside the copy of its index. `null` stands for what nobody can know: an
 * archive of OpenClaw has neither digests nor a list of what was left out.
 */
export interface Summary {
  readonly schema: 1;
  /** The archive that this is of, as it lay there; a decimal string for nanoseconds. */
  readonly file: { readonly size: number; readonly mtimeNs: string; readonly sha256: string };
  /** Of the copy of the index, as text. */
  readonly indexSha256: string;
  /** Whether holdstill made it. */
  readonly holdstill: boolean;
  readonly id: string;
  readonly tool: string;
  readonly createdAt: string;
  readonly host: string;
  readonly profile: string;
  readonly label?: string;
  /** None of an archive that is encrypted. */
  readonly sources: readonly NamedPath[];
  /** In their place: the same for the same sources, in one archive directory. */
  readonly sourcesId?: string;
  readonly counts: Checked["counts"];
  /** What vanished, was special or could not be read. */
  readonly skipped: number | null;
  readonly excluded: number | null;
  readonly unstable: number | null;
  /** Whether everything is in it that had to be. */
  readonly complete: boolean | null;
  /** Whether it was read back whole and every digest compared. */
  readonly verified: boolean | null;
  /** The first thing that was wrong when it was verified since, unless it was found good later. */
  readonly bad?: string;
}

/** What turned out while an archive was made, or read again. */
export interface Findings {
  readonly counts: Checked["counts"];
  readonly skipped: Readonly<Record<SkipReason, number>>;
  readonly unstable: number;
  /** Databases whose check found problems. */
  readonly damaged: number;
}

export function findingsOf({ counts, verdicts, skipped, excluded, damaged }: Totals): Findings {
  const of = (reason: SkipReason): number => skipped.filter((skip) => skip.reason === reason).length;
  return {
    counts,
    skipped: {
      ...{ vanished: of("vanished"), special: of("special"), unreadable: of("unreadable") },
      excluded: excluded.count,
    },
    ...{ unstable: verdicts.unstable, damaged: damaged.length },
  };
}

/** Whether everything is in an archive that had to be. */
export function isComplete(
  { settled = true, problems = [] }: Pick<SnapshotLine, "settled" | "problems">,
  { skipped, unstable, damaged }: Findings,
): boolean {
  return settled && problems.length === 0 && damaged === 0 && unstable === 0 && skipped.unreadable === 0;
}

export type Kept = Pick<Summary, "file" | "indexSha256">;

/** Of an archive that holdstill made. */
export function summaryOf(
  snapshot: Omit<SnapshotLine, "manifestSha256">,
  findings: Findings,
  kept: Kept & Pick<Summary, "verified">,
): Summary {
  const { vanished, special, unreadable, excluded } = findings.skipped;
  return {
    ...described(snapshot, true),
    ...kept,
    counts: findings.counts,
    ...{ skipped: vanished + special + unreadable, excluded, unstable: findings.unstable },
    complete: isComplete(snapshot, findings),
  };
}

/**
 * The same without any path, for what lies in the clear beside an encrypted archive. Whoever has the salt can try whether
 * a guess at the sources is right, and no more.
 */
export function concealed(summary: Summary, salt: Buffer): Summary {
  const sourcesId = createHmac("sha256", salt).update(JSON.stringify(summary.sources)).digest("hex");
  return { ...summary, sources: [], sourcesId };
}

/** Of any other. The last source of its snapshot is the root of all paths, and was not backed up. */
export function foreignSummary(snapshot: SnapshotLine, counts: Checked["counts"], kept: Kept): Summary {
  const unknown = { skipped: null, excluded: null, unstable: null, complete: null, verified: null };
  const known = described(snapshot, false);
  return { ...known, sources: known.sources.slice(0, -1), ...kept, counts, ...unknown };
}

function described(snapshot: Omit<SnapshotLine, "manifestSha256">, holdstill: boolean) {
  const { id, tool, createdAt, host, profile, label, sources } = snapshot;
  return {
    ...{ schema: 1 as const, holdstill, id, tool, createdAt, host, profile },
    ...(label !== undefined && { label }),
    sources: sources.map((source) => ("path" in source ? { path: source.path } : { pathBase64: source.pathBase64 })),
  };
}

/** The text of a summary's file: it ends with a digest, so that damage does not look like news. */
export function printSummary(summary: Summary): string {
  const text = JSON.stringify(summary);
  return `${text}\n${hash("sha256", text, "hex")}\n`;
}

/** Undefined where the text is not what `printSummary` wrote. */
export function parseSummary(text: string): Summary | undefined {
  const [line = "", digest, ...rest] = text.split("\n");
  if (digest === undefined || rest.join() !== "" || hash("sha256", line, "hex") !== digest) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isSummary(value) ? value : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

const COUNTS = ["files", "directories", "symlinks", "hardlinks", "databases", "bytes"] as const;
const TEXTS = ["id", "tool", "createdAt", "host", "profile", "indexSha256"] as const;

function isSummary(value: unknown): value is Summary {
  if (!isRecord(value) || value["schema"] !== 1 || typeof value["holdstill"] !== "boolean") return false;
  const { file, counts, sources, sourcesId, label, bad } = value;
  return (
    isRecord(file) &&
    isCount(file["size"]) &&
    typeof file["mtimeNs"] === "string" &&
    typeof file["sha256"] === "string" &&
    isRecord(counts) &&
    COUNTS.every((name) => isCount(counts[name])) &&
    TEXTS.every((name) => typeof value[name] === "string") &&
    (!value["holdstill"] || !Number.isNaN(Date.parse(String(value["createdAt"])))) &&
    (label === undefined || typeof label === "string") &&
    (bad === undefined || typeof bad === "string") &&
    (sourcesId === undefined || typeof sourcesId === "string") &&
    Array.isArray(sources) &&
    sources.every((source) => isRecord(source) && typeof (source["path"] ?? source["pathBase64"]) === "string") &&
    (["skipped", "excluded", "unstable"] as const).every((name) => value[name] === null || isCount(value[name])) &&
    (["complete", "verified"] as const).every((name) => value[name] === null || typeof value[name] === "boolean")
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
