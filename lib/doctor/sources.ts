import { parentOf, textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import { mountOf, mountsOf } from "../guard/mounts.js";
import type { Prepared } from "../prepare.js";
import { sizeText } from "../report/size.js";
import { ourselves } from "../schedule/account.js";
import { deadStages } from "../stage/leftovers.js";
import { placeStage, type Stage } from "../stage/place.js";
import { alone, stageParents } from "../stage/stage-parents.js";
import { spendable } from "../stage/space.js";
import { survey } from "../stage/survey.js";
import type { Surroundings } from "../surroundings.js";
import { thisProcess } from "../vault/owner.js";
import { findings, type Finding } from "./finding.js";

const found = findings("source");

type Source = Prepared["sources"][number];

/** How each source would be frozen: by making a stage for it, and taking it away again. */
export async function checkSources(
  { sources, cache }: Prepared,
  around: Surroundings,
): Promise<{ readonly findings: Finding[]; readonly bytes: number }> {
  const all: Finding[] = [];
  let bytes = 0;
  for (const source of sources) {
    const surveyed = await survey(around.fs, source, around.signal);
    bytes += surveyed.bytes;
    all.push(...ownerOf(source, around), ...frozen(source, cache, surveyed.bytes, around));
    all.push(...leftovers(rootOf(source), cache, around));
  }
  return { findings: all, bytes };
}

function rootOf({ path, type }: Source): Bytes {
  return type === "file" ? parentOf(path) : path;
}

function ownerOf({ path }: Source, { fs }: Surroundings): Finding[] {
  const { uid } = ourselves();
  const owner = fs.lstat(path).uid;
  if (uid === 0 || uid === owner) return [];
  return [
    found(
      "warn",
      `${textOf(path)} belongs to user ${owner}, and this is user ${uid}: what may not be read is missing, and files are copied rather than linked`,
      "Make backups as the user whose state it is (schedule install --system --run-as NAME), or as root.",
    ),
  ];
}

function frozen(source: Source, cache: Bytes, bytes: number, { fs }: Surroundings): Finding[] {
  const name = namedWithFilesystem(source.path, fs);
  try {
    const root = rootOf(source);
    const stage = placeStage(fs, alone(root, cache), thisProcess());
    try {
      return [
        methodOf(name, stage),
        ...clockOf(name, stage),
        ...(links(stage) ? [] : roomForCopies(name, bytes, stage, fs)),
      ];
    } finally {
      stage.remove();
    }
  } catch (error) {
    if (!(error instanceof HoldstillError)) throw error;
    return [found("bad", `${name} cannot be frozen: ${error.message}`, error.hint)];
  }
}

/** `/srv/app (ext4)` */
function namedWithFilesystem(path: Bytes, fs: Surroundings["fs"]): string {
  const mounts = mountsOf(fs);
  const type = mountOf(mounts, path)?.type;
  return type === undefined ? textOf(path) : `${textOf(path)} (${type})`;
}

const PLACES: Readonly<Record<Stage["placement"], string>> = {
  beside: "beside it",
  inside: "inside it",
  cache: "in the cache directory",
};

function links({ clones, links: canLink }: Stage): boolean {
  return clones || canLink;
}

function methodOf(name: string, stage: Stage): Finding {
  const where = PLACES[stage.placement];
  if (stage.clones) return found("ok", `${name}: files are cloned, stage ${where}`);
  if (stage.links) return found("ok", `${name}: files are linked, stage ${where}`);
  return found(
    "warn",
    `${name}: files can only be copied, stage ${where}: the freeze takes as long as reading all of it`,
    "Let the parent directory or the source itself be writable, on a filesystem that has hard links or reflinks.",
  );
}

function clockOf(name: string, { coarseClock }: Stage): Finding[] {
  if (!coarseClock) return [];
  return [found("info", `${name}: time stamps here are whole seconds, so that changing files are waited for longer`)];
}

function roomForCopies(name: string, bytes: number, stage: Stage, fs: Surroundings["fs"]): Finding[] {
  const allowed = spendable(fs, stage.base);
  if (bytes <= allowed) return [];
  return [
    found(
      "bad",
      `${name}: copies take ${sizeText(bytes)}, and ${sizeText(Math.max(0, allowed))} may be used`,
      "Free some space on the source's filesystem, or leave out large files with --exclude.",
    ),
  ];
}

function leftovers(root: Bytes, cache: Bytes, { fs, now }: Surroundings): Finding[] {
  const parents = stageParents(alone(root, cache)).map(({ path }) => path);
  return deadStages(fs, parents, thisProcess(), now()).map(({ path }) =>
    found("warn", `${textOf(path)} is the stage of a run that was killed`, "The next backup removes it."),
  );
}
