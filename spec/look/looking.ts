import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { cat } from "../../lib/look/cat.js";
import { diff } from "../../lib/look/diff.js";
import { diffLive } from "../../lib/look/diff-live.js";
import type { OnDifference } from "../../lib/look/differences.js";
import { show, type ShownEntry } from "../../lib/look/show.js";
import type { Difference, DiffReport } from "../../lib/report/diff-report.js";
import type { Surroundings } from "../../lib/surroundings.js";
import { HoldstillError } from "../../lib/errors.js";
import { entry, header, tar } from "../helpers/raw-tar.js";
import { surroundings } from "../helpers/run.js";
import { tmpDirectory } from "../helpers/tree.js";

export function warningsOf({ events }: ReturnType<typeof surroundings>): string[] {
  return events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
}

export async function failure(use: Promise<unknown>): Promise<HoldstillError> {
  const error: unknown = await use.then(
    () => new Error("it did not fail"),
    (cause: unknown) => cause,
  );
  if (error instanceof HoldstillError) return error;
  throw error;
}

/** The entries that `show` gives for a path. */
export async function shown(archive: string, path?: string, around: Surroundings = surroundings()) {
  const entries: ShownEntry[] = [];
  await show(archive, path, around, { begin: () => undefined, entry: (one) => entries.push(one) > 0 });
  return entries;
}

export async function paths(archive: string, path?: string, around?: Surroundings): Promise<string[]> {
  return (await shown(archive, path, around)).map((one) => one.path);
}

/** What `cat` hands over. */
export async function contentOf(archive: string, path: string, around: Surroundings = surroundings()): Promise<string> {
  const chunks: Buffer[] = [];
  const take = async (chunk: Buffer): Promise<boolean> => chunks.push(Buffer.from(chunk)) > 0;
  await cat(archive, path, around, { begin: () => undefined, take });
  return Buffer.concat(chunks).toString("latin1");
}

export interface Compared extends DiffReport {
  readonly differences: readonly Difference[];
  /** `added x`, `changed y`. */
  readonly lines: readonly string[];
}

async function collected(use: (onDifference: OnDifference) => Promise<DiffReport>): Promise<Compared> {
  const differences: Difference[] = [];
  const report = await use((difference) => differences.push(difference) > 0);
  return { ...report, differences, lines: differences.map(({ change, path }) => `${change} ${path}`) };
}

export function compared(from: string, to: string, around: Surroundings = surroundings()): Promise<Compared> {
  return collected((onDifference) => diff(from, to, around, onDifference));
}

export function comparedLive(archive: string, around: Surroundings = surroundings()): Promise<Compared> {
  return collected((onDifference) => diffLive(archive, around, onDifference));
}

export function catalogFile(archive: string, ending: "json" | "jsonl.gz"): string {
  return join(dirname(archive), ".holdstill/index", `${basename(archive)}.${ending}`);
}

/** An archive as `openclaw backup create` writes it, its manifest last, of a state at /s. */
export function foreignArchive(name = "2026-11-20T10-00-00.000+01-00-openclaw-backup.tar"): string {
  const directory = join(tmpDirectory(), "archives");
  mkdirSync(directory);
  const manifest = {
    ...{ schemaVersion: 1, archiveRoot: "root", createdAt: "2026-11-20T09:00:00.000Z", runtimeVersion: "2026.9.6" },
    assets: [{ kind: "state", sourcePath: "/s", archivePath: "root/payload/posix/s" }],
  };
  const path = join(directory, name);
  const inside = (below: string): string => `root/payload/posix/s${below}`;
  writeFileSync(
    path,
    tar(
      entry(inside("/"), "", { typeflag: "5" }),
      entry(inside("/z.txt"), "zz"),
      header({ name: inside("/b.txt"), typeflag: "1", linkname: inside("/z.txt") }),
      header({ name: inside("/l"), typeflag: "2", linkname: "z.txt" }),
      header({ name: inside("/fifo"), typeflag: "6" }),
      entry(inside("/a.txt"), "a"),
      entry("root/manifest.json", JSON.stringify(manifest)),
    ),
  );
  utimesSync(path, 1, 1);
  return path;
}
