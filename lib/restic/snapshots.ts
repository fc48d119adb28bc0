import { text } from "node:stream/consumers";
import type { Engine } from "../engine/run.js";
import { HoldstillError } from "../errors.js";
import type { Surroundings } from "../surroundings.js";
import { LATEST } from "../vault/archives.js";
import { askRestic } from "./run.js";
import { taggedBy, type Tagged } from "./tags.js";

/** A snapshot that holdstill had restic make. */
export interface Snapshot extends Tagged {
  readonly snapshot: string;
  readonly host: string;
  /** Milliseconds of the epoch. */
  readonly createdMs: number;
  readonly complete: boolean;
  /** What restic was given: the index, the manifest and the trees. */
  readonly paths: readonly string[];
}

export interface Snapshots {
  /** The newest last. */
  readonly own: readonly Snapshot[];
  /** The ids of those that others made. */
  readonly others: readonly string[];
}

/** What there is in a repository. */
export async function listSnapshots(restic: Engine, around: Surroundings): Promise<Snapshots> {
  const answer = await askRestic(restic, ["snapshots", "--json", "--no-lock"], text, around);
  const own: Snapshot[] = [];
  const others: string[] = [];
  for (const each of parsed(answer)) {
    const tagged = taggedBy(each.tags ?? []);
    if (tagged === undefined) others.push(each.id);
    else {
      const { id: snapshot, hostname: host, time, paths } = each;
      own.push({ ...tagged, snapshot, host, createdMs: Date.parse(time), paths });
    }
  }
  return { own: own.sort((a, b) => a.createdMs - b.createdMs), others };
}

/**
 * The snapshot that a name stands for: `latest`, or the beginning of an id, restic's or that of the run.
 * @throws HoldstillError `no-archive`, or `usage` where several ids begin so
 */
export function namedSnapshot(name: string, { own, others }: Snapshots): Snapshot {
  const found = name === LATEST ? own.slice(-1) : own.filter((each) => isBegunBy(each, name));
  const [one, ...more] = found;
  if (one !== undefined && more.length === 0) return one;
  if (one !== undefined) {
    throw new HoldstillError("usage", `the ids of ${found.length} snapshots begin with ${name}`, {
      hint: `Name one of them: ${found.map(({ snapshot }) => snapshot.slice(0, 16)).join(", ")}`,
    });
  }
  if (name !== "" && others.some((id) => id.startsWith(name))) {
    throw new HoldstillError("no-archive", `another program made snapshot ${name}`, {
      hint: "restic restore gives it back.",
    });
  }
  const what = name === LATEST ? "no snapshot by holdstill here" : `no snapshot whose id begins with ${name}`;
  throw new HoldstillError("no-archive", `there is ${what}`, { hint: "What there is: holdstill list --from restic:…" });
}

function isBegunBy({ snapshot, id }: Snapshot, name: string): boolean {
  return name !== "" && (snapshot.startsWith(name) || id.startsWith(name));
}

interface Told {
  readonly id: string;
  readonly time: string;
  readonly hostname: string;
  readonly paths: readonly string[];
  readonly tags?: readonly string[];
}

function parsed(answer: string): Told[] {
  const value: unknown = answer.trim() === "" ? [] : JSON.parse(answer);
  return Array.isArray(value) ? (value as Told[]) : [];
}
