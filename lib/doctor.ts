import type { Bytes } from "./bytes.js";
import { checkArchives } from "./doctor/archives.js";
import { checkFreshness } from "./doctor/freshness.js";
import { checkEngines } from "./doctor/engines.js";
import { findings, type Finding } from "./doctor/finding.js";
import { checkKeys } from "./doctor/keys.js";
import { checkNode } from "./doctor/node.js";
import { checkSources } from "./doctor/sources.js";
import { checkTimer } from "./doctor/timer.js";
import { HoldstillError } from "./errors.js";
import { prepare, type CreateOptions } from "./prepare.js";
import { status } from "./status.js";
import type { Surroundings } from "./surroundings.js";
import { archiveDirectory } from "./vault/output.js";

export type { Finding } from "./doctor/finding.js";

export interface DoctorReport {
  /** `ailing` where something is bad. */
  readonly outcome: "healthy" | "ailing";
  readonly findings: readonly Finding[];
}

export interface DoctorOptions {
  readonly create: CreateOptions;
  /** How old the newest good backup may be, in milliseconds. */
  readonly maxAgeMs: number;
  /** Files with the secret keys that open the archives. */
  readonly identities: readonly string[];
}

/** What this machine can do, and what keeps a backup with these options from being as good as it could be. */
export async function doctor(options: DoctorOptions, around: Surroundings): Promise<DoctorReport> {
  const { create, identities } = options;
  const node = await checkNode(around);
  const backup = await checkBackup(options, around);
  const keys = { identities, directory: archiveDirectory(create, around), sources: backup.sources };
  const all = [
    ...node,
    ...backup.findings,
    ...checkKeys(keys, around),
    ...(await checkTimer(around)),
    ...(await checkEngines(around)),
  ];
  return { outcome: all.some(({ level }) => level === "bad") ? "ailing" : "healthy", findings: all };
}

interface CheckedBackup {
  readonly findings: readonly Finding[];
  /** Paths of what is backed up, as far as that is known. */
  readonly sources: readonly Bytes[];
}

async function checkBackup({ create, maxAgeMs }: DoctorOptions, around: Surroundings): Promise<CheckedBackup> {
  try {
    const prepared = prepare(create, around);
    const problems = prepared.plan.problems.map((text) => findings("source")("warn", text));
    const sources = await checkSources(prepared, around);
    const { directory } = prepared;
    const asked = { output: directory, maxAgeMs, prometheus: undefined };
    const report = await status(asked, { ...around, nextRun: async () => null });
    const archives = [...checkArchives(directory, report.last?.archiveBytes ?? sources.bytes, around)];
    return {
      findings: [...problems, ...sources.findings, ...archives, ...checkFreshness(report)],
      sources: prepared.sources.map(({ path }) => path),
    };
  } catch (error) {
    if (!(error instanceof HoldstillError) || error.code === "interrupted" || error.code === "terminated") throw error;
    const text =
      error.path === undefined || error.message.includes(error.path)
        ? error.message
        : `${error.message}: ${error.path}`;
    return { findings: [findings("source")("bad", text, error.hint)], sources: [] };
  }
}
