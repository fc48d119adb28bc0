import { isEncrypted } from "../archive/peek.js";
import { labelOfName } from "../archive/name.js";
import type { Summary } from "../archive/summary.js";
import { pathText } from "../archive/index.js";
import { bytesOf } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import { findArchive } from "../read-archive.js";
import { failureOf } from "../report/failure.js";
import type { ListedArchive, ListReport, UnreadArchive } from "../report/list-report.js";
import type { Surroundings } from "../surroundings.js";
import { candidates, passesForArchive, type Candidate } from "../vault/archives.js";
import { rebuildBeside, rebuilding } from "./catalogued.js";
import { readIndex } from "./read-index.js";

/**
 * The archives of an archive directory, or of the default ones, the newest last: by what their catalogs tell. A catalog
 * that is missing, damaged or of another file is made anew, and that is told. A bad archive does not hide the others.
 * @throws HoldstillError `no-archive` where the directory that was named is not there
 */
export async function list(directory: string | undefined, around: Surroundings): Promise<ListReport> {
  const rows: { readonly moment: number; readonly row: ListedArchive }[] = [];
  for (const candidate of candidates(directory, around)) {
    around.signal.throwIfAborted();
    if (!(await passesForArchive(candidate, around))) continue;
    const row = await listed(candidate, around);
    rows.push({ row, moment: row.ok ? Date.parse(row.createdAt) || candidate.moment : candidate.moment });
  }
  // What a catalog was made anew for told only now when it was made.
  const archives = rows.sort((a, b) => a.moment - b.moment).map(({ row }) => row);
  const bad = archives.find((row) => row.ok === false);
  return bad ? { outcome: "failed", error: bad.error, archives } : { outcome: "listed", archives };
}

async function listed(candidate: Candidate, around: Surroundings): Promise<ListedArchive> {
  const { path: archive, name, summary: known } = candidate;
  if (known === undefined && around.unseal === undefined && isEncrypted(around.fs, bytesOf(archive))) {
    return unreadRow(candidate, true, around.now());
  }
  try {
    const summary = known ?? (await rebuilt(candidate, around));
    if (summary.bad !== undefined) throw new HoldstillError("bad-archive", summary.bad, { path: archive });
    return { archive, name, ok: true, ...rowOf(summary, around.now()) };
  } catch (error) {
    around.signal.throwIfAborted();
    if (!(error instanceof HoldstillError)) throw error;
    return { archive, name, ok: false, archiveBytes: candidate.size, error: failureOf(error) };
  }
}

async function rebuilt({ path }: Candidate, around: Surroundings): Promise<Summary> {
  const archive = findArchive(around.fs, path);
  around.onEvent({ type: "warning", message: rebuilding(archive) });
  const beside = isEncrypted(around.fs, archive.path) ? undefined : await rebuildBeside(archive, around);
  return beside ?? (await readIndex(archive, around, () => {}))("");
}

/** Of an archive that nothing is known of but its name and its file. */
export function unreadRow(
  { path, name, moment, size }: Pick<Candidate, "path" | "name" | "moment" | "size">,
  encrypted: boolean,
  now: number,
): UnreadArchive {
  const label = labelOfName(name);
  const createdAt = new Date(moment).toISOString();
  return {
    ...{ archive: path, name, ok: null, encrypted, createdAt, ageMs: Math.max(0, now - moment) },
    ...(label !== undefined && { label }),
    archiveBytes: size,
  };
}

/** What a summary tells of an archive. */
export function rowOf(summary: Summary, now: number) {
  const { holdstill, id, tool, createdAt, host, profile, label, file, counts } = summary;
  const { complete, verified, skipped, excluded, unstable } = summary;
  return {
    ...{ holdstill, id, tool, createdAt, ageMs: Math.max(0, now - Date.parse(createdAt)) || 0, host, profile },
    ...(label !== undefined && { label }),
    ...(summary.sourcesId !== undefined && { encrypted: true as const }),
    sources: summary.sources.map((source) => pathText(source)),
    ...counts,
    ...{
      archiveBytes: file.size,
      sha256: file.sha256,
      verified,
      complete,
      incomplete: complete === null ? null : !complete,
    },
    ...{ skipped, excluded, unstable },
  };
}
