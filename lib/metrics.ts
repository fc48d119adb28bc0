import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import { bytesOf, nameOf, parentOf, under, type Bytes } from "./bytes.js";
import { HoldstillError, isErrno } from "./errors.js";
import type { Filesystem } from "./filesystem.js";
import { list } from "./look/list.js";
import type { ListedArchive } from "./report/list-report.js";
import { metricsText, type Metrics } from "./report/metrics-text.js";
import type { RunRecord } from "./report/run-record.js";
import { isElsewhere } from "./report/status-report.js";
import type { Surroundings } from "./surroundings.js";
import { unlinkIfThere } from "./unlink-if-there.js";
import { existingDirectories } from "./vault/existing.js";
import { readRuns } from "./vault/runs.js";
import { unusable } from "./vault/output.js";
import { writeAll } from "./write-all.js";

/** Writes the metrics of an archive directory after a run, whether its record could be kept or not. */
export async function writeMetrics(
  path: string,
  directory: string,
  record: RunRecord,
  around: Surroundings,
): Promise<void> {
  const { records } = readRuns(around.fs, bytesOf(directory));
  const others = records.filter(({ run }) => run !== record.run);
  saveMetrics(path, [metricsOf(directory, await archivesIn(directory, around), [...others, record])], around);
}

/** The numbers of one archive directory. `records` are in order, the newest last. */
export function metricsOf(
  directory: string,
  archives: readonly ListedArchive[],
  records: readonly RunRecord[],
): Metrics {
  const good = archives.filter(
    (row) => row.ok && posix.dirname(row.archive) === directory && row.complete && row.verified,
  );
  const made = [
    ...good.flatMap((row) => (row.ok ? [Date.parse(row.createdAt)] : [])),
    ...records.filter(isElsewhere).map(({ startedAt }) => Date.parse(startedAt)),
  ];
  return {
    directory,
    lastSuccessMs: made.length === 0 ? undefined : Math.max(...made),
    lastRun: records.at(-1),
    lastPublished: records.findLast((record) => record.outcome !== "failure"),
  };
}

async function archivesIn(directory: string, around: Surroundings): Promise<readonly ListedArchive[]> {
  try {
    existingDirectories(directory, around);
    return (await list(directory, around)).archives;
  } catch (error) {
    if (!(error instanceof HoldstillError) || error.code !== "no-archive") throw error;
    return [];
  }
}

/**
 * Writes metrics in one go, so that nobody reads half of them; readable by all, as the collector is another user.
 * @throws HoldstillError `output-unusable`, `no-space`
 */
export function saveMetrics(
  path: string,
  all: readonly Metrics[],
  { fs, cwd }: Pick<Surroundings, "fs" | "cwd">,
): void {
  const final = bytesOf(posix.resolve(cwd, path));
  try {
    assertOrdinary(fs, final);
    replace(fs, final, Buffer.from(metricsText(all)));
  } catch (error) {
    throw unusable(final, error);
  }
}

/** A device, such as /dev/stdout, would be gone afterwards. */
function assertOrdinary(fs: Filesystem, path: Bytes): void {
  try {
    if (fs.lstat(path).kind === "file") return;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw error;
  }
  throw new HoldstillError("output-unusable", "metrics are written to a file, and this is none", {
    hint: "Give the path of a new file, or of one that may be replaced.",
  });
}

function replace(fs: Filesystem, path: Bytes, data: Buffer): void {
  // The collector takes what ends in .prom.
  const partial = under(parentOf(path), `.${nameOf(path)}.${randomBytes(4).toString("hex")}.partial` as Bytes);
  try {
    const fd = fs.create(partial, 0o644);
    try {
      writeAll(fs, fd, data);
    } finally {
      fs.close(fd);
    }
    // Whatever the umask: a unit's is 077.
    fs.chmod(partial, 0o644);
    fs.rename(partial, path);
  } catch (error) {
    unlinkIfThere(fs, partial);
    throw error;
  }
}
