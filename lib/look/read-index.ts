import type { Observer } from "../archive/check.js";
import type { SnapshotLine } from "../archive/index.js";
import { digester } from "../archive/digest.js";
import { foreignIndex, foreignSnapshot, type OddEntry } from "../archive/foreign-index.js";
import type { TarEntry } from "../archive/read.js";
import { seenEntries, type Seen } from "../archive/seen.js";
import { foreignSummary, summaryOf, type Summary } from "../archive/summary.js";
import { blaming, checkFile, type ArchiveFile, type ReadNeeds } from "../read-archive.js";
import { assertRecorded } from "../verify.js";

/** Where the text of an index goes; a promise is waited for. */
export type TakeIndex = (chunk: Buffer) => void | Promise<void>;

/** So much text of an index that is made here is handed over at once. */
const BLOCK = 256 * 1024;

/**
 * Reads an archive whole, checks everything in it, and hands over the text of its index: its own or, for an archive
 * of OpenClaw, one made from what was read.
 * @returns all of its summary that does not depend on where the index is kept
 * @throws HoldstillError `no-archive`, `bad-archive`
 */
export async function readIndex(
  archive: ArchiveFile,
  around: ReadNeeds,
  take: TakeIndex,
): Promise<(indexSha256: string) => Summary> {
  const { size, mtimeNs } = around.fs.lstat(archive.path);
  const observer = indexObserver(take);
  const { result, sha256 } = await checkFile(archive, around, { phase: "read", observer });
  blaming(archive.shown, () => assertRecorded(around.fs, archive.path, sha256));
  const { index, manifest, counts } = result;
  const kept = (indexSha256: string) => ({ file: { size, mtimeNs: String(mtimeNs), sha256 }, indexSha256 });
  if (index) {
    const { snapshot, skipped, verdicts, damaged } = index;
    const findings = { counts, skipped, unstable: verdicts.unstable, damaged };
    return (indexSha256) => summaryOf(snapshot, findings, { ...kept(indexSha256), verified: true });
  }
  const snapshot = foreignSnapshot(manifest);
  await blaming(archive.shown, () => handOver(snapshot, observer, take));
  return (indexSha256) => foreignSummary(snapshot, counts, kept(indexSha256));
}

async function handOver(snapshot: SnapshotLine, { seen, odd }: IndexObserver, take: TakeIndex): Promise<void> {
  let lines: string[] = [];
  let length = 0;
  for (const line of foreignIndex(snapshot, seen, odd)) {
    lines.push(line);
    length += line.length;
    if (length < BLOCK) continue;
    await take(Buffer.from(lines.join("")));
    lines = [];
    length = 0;
  }
  await take(Buffer.from(lines.join("")));
}

interface IndexObserver extends Observer {
  readonly seen: Seen;
  readonly odd: readonly OddEntry[];
}

/** Of our own archives hands over the index as it streams by; of others remembers all entries and their digests. */
function indexObserver(take: TakeIndex): IndexObserver {
  const seen = seenEntries();
  const odd: OddEntry[] = [];
  const body = digester();
  let isOwn = false;
  let current: TarEntry | undefined;
  let isIndex = false;
  return {
    seen,
    odd,
    begin(own) {
      isOwn = own;
    },
    entry(entry) {
      current = entry;
      isIndex = isOwn && /^[^/]+\/holdstill\/index\.jsonl$/.test(entry.name);
      if (!isOwn) body.begin(entry.size);
    },
    data(chunk) {
      if (isIndex) return take(chunk);
      if (!isOwn) body.update(chunk);
    },
    end() {
      if (isOwn || current === undefined || isManifestName(current.name)) return;
      const { type, name, typeflag } = current;
      if (type === "other") odd.push({ name, detail: `tar type ${typeflag}` });
      else seen.add({ ...current, type }, type === "file" ? body.end() : Buffer.alloc(0));
    },
  };
}

function isManifestName(name: string): boolean {
  return /^[^/]+\/manifest\.json$/.test(name);
}
