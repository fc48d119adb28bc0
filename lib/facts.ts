import { isComplete, type Summary } from "./archive/summary.js";
import { pathText } from "./archive/index.js";
import { HoldstillError } from "./errors.js";
import { checkFile, type ArchiveFile, type ReadNeeds } from "./read-archive.js";
import { recordedDigest } from "./vault/catalog.js";

/** What retention has to know of an archive that holdstill made. */
export interface Facts {
  /** Milliseconds of the epoch. */
  readonly createdMs: number;
  readonly host: string;
  readonly profile: string;
  readonly label: string | undefined;
  readonly sources: readonly string[];
  /** Whether everything is in it that had to be. */
  readonly complete: boolean;
  /** Whether it was read back whole. */
  readonly verified: boolean;
}

/** What a summary tells; undefined where it is of an archive by others. */
export function summarisedFacts(summary: Summary): Facts | undefined {
  if (!summary.holdstill) return undefined;
  return facts(summary, {
    complete: summary.complete === true,
    verified: summary.verified === true && summary.bad === undefined,
  });
}

/**
 * The same from an archive that the catalog does not know: it is read whole.
 * @throws HoldstillError `bad-archive`
 */
export async function readFacts(archive: ArchiveFile, around: ReadNeeds): Promise<Facts> {
  const { result, sha256 } = await checkFile(archive, around, { phase: "read" });
  const { index, counts } = result;
  if (index === undefined) throw new HoldstillError("bad-archive", "it has no index");
  if ((recordedDigest(around.fs, archive.path) ?? sha256) !== sha256) {
    throw new HoldstillError("bad-archive", "its bytes are not those that were written");
  }
  const { snapshot, skipped, verdicts, damaged } = index;
  const complete = isComplete(snapshot, { counts, skipped, unstable: verdicts.unstable, damaged });
  return facts(snapshot, { complete, verified: true });
}

type Noted = Pick<Summary, "createdAt" | "host" | "profile" | "label" | "sources" | "sourcesId">;

function facts(
  { createdAt, host, profile, label, sources, sourcesId }: Noted,
  judgement: Pick<Facts, "complete" | "verified">,
): Facts {
  const named = sourcesId === undefined ? sources.map(pathText) : [`encrypted sources ${sourcesId.slice(0, 12)}`];
  return { createdMs: Date.parse(createdAt), host, profile, label, sources: named, ...judgement };
}
