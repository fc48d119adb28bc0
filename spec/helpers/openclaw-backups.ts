import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CreateReport } from "../../lib/report/create-report.js";
import { loadSqlite } from "../../lib/stage/sqlite.js";
import { mayDiffer, readCopy, type Reading } from "./database-writer.js";
import { environment, run, type Ended, type Place, type Program } from "./openclaw-program.js";

const HOLDSTILL = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));

/** The names of the two databases that one writer keeps in step. */
export const PAIR = ["notes.sqlite", "notes-index.sqlite"] as const;

/** One backup that was made and looked into. */
export interface Measured {
  readonly program: string;
  readonly seconds: number;
  /** Of the largest of its processes: in MiB. */
  readonly peak: number;
  /** What is in it, or how the program failed. */
  readonly found: Found | string;
}

export interface Found {
  readonly archiveMiB: number;
  readonly sessionFiles: number;
  /** Session files under the name of a deleted or reset one. */
  readonly setAside: number;
  /** How many of the pair of databases hold what was committed. */
  readonly intact: number;
}

/** Runs holdstill as the user whose OpenClaw it is. */
export function holdstill(place: Place, ...args: string[]): Promise<Ended> {
  return run(process.execPath, [HOLDSTILL, ...args], environment(place));
}

export async function created(place: Place, ...args: string[]): Promise<CreateReport> {
  const { code, out, err } = await holdstill(place, "create", "--json", ...args);
  if (code !== 0) throw new Error(`holdstill create ended with ${code}: ${err}${out}`);
  return JSON.parse(out) as CreateReport;
}

/** Makes a backup by one of the two programs, with GNU time beside it, and looks at what is in it. */
export async function measured(
  { node, openclaw }: Program,
  place: Place & { readonly sessionsDir: string; readonly memoryDir: string },
  which: "holdstill" | "openclaw",
  output: string,
): Promise<Measured> {
  mkdirSync(output);
  const command = {
    holdstill: [process.execPath, HOLDSTILL, "create", "--output", output],
    openclaw: [node, openclaw, "backup", "create", "--output", output],
  }[which];
  const notes = join(output, "time");
  const { code, out, err } = await run("/usr/bin/time", ["-o", notes, "-f", "%e %M", ...command], environment(place));
  // In the last line: before it GNU time says how a command failed.
  const [seconds = NaN, kibibytes = NaN] =
    readFileSync(notes, "utf8").trimEnd().split("\n").at(-1)?.split(" ").map(Number) ?? [];
  const figures = { program: `${which} create`, seconds, peak: kibibytes / 1024 };
  const found = code === 0 ? await foundIn(output, place) : `failed with ${code}: ${err}${out}`;
  rmSync(output, { recursive: true });
  return { ...figures, found };
}

async function foundIn(
  output: string,
  { sessionsDir, memoryDir }: { readonly sessionsDir: string; readonly memoryDir: string },
): Promise<Found> {
  const [archive = ""] = readdirSync(output).filter((name) => /\.tar\.(gz|zst)$/.test(name));
  const { size, payload } = await unpacked(join(output, archive), join(output, "unpacked"));
  const names = namesIn(join(payload, sessionsDir));
  const sessionFiles = names.filter((name) => name.endsWith(".jsonl")).length;
  const setAside = names.filter((name) => name.includes(".jsonl.")).length;
  const intact = await Promise.all(PAIR.map((name) => isIntact(join(payload, memoryDir, name))));
  return { archiveMiB: size / 2 ** 20, sessionFiles, setAside, intact: intact.filter(Boolean).length };
}

/** None where the directory is not in the archive at all. */
function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** What GNU tar makes of an archive: where the absolute paths in it begin, and the archive's size. */
async function unpacked(archive: string, target: string): Promise<{ readonly size: number; readonly payload: string }> {
  mkdirSync(target);
  const { code, err } = await run("tar", ["-xf", archive, "-C", target], process.env);
  if (code !== 0) throw new Error(`tar ended with ${code}: ${err}`);
  const [root = ""] = readdirSync(target);
  return { size: readFileSync(archive).length, payload: join(target, root, "payload/posix") };
}

async function isIntact(path: string): Promise<boolean> {
  try {
    return (await reading(path)).sum === 0;
  } catch {
    // Whatever SQLite says of it: it is not what was committed.
    return false;
  }
}

/** @throws where the copy is damaged */
async function reading(path: string): Promise<Reading> {
  const { DatabaseSync } = await loadSqlite();
  const copy = new DatabaseSync(path);
  try {
    const [row] = copy.prepare("PRAGMA integrity_check").all();
    const said = Object.values(row ?? {})[0];
    if (said !== "ok") throw new Error(`${path}: ${String(said)}`);
    return readCopy(copy);
  } finally {
    copy.close();
  }
}

/** What is wrong with the restored pair, by the moments that the index tells for them. */
export async function faultsOfPair(directory: string, moments: readonly number[]): Promise<string[]> {
  const readings = await Promise.all(PAIR.map((name) => reading(join(directory, name))));
  const apart = Math.max(...readings.map(({ last }) => last)) - Math.min(...readings.map(({ last }) => last));
  const allowed = mayDiffer(readings, moments);
  return [
    ...readings.flatMap(({ sum }, index) => (sum === 0 ? [] : [`${PAIR[index]}: the balances come to ${sum}`])),
    ...(apart <= allowed ? [] : [`the two are ${apart} transactions apart, which may be ${allowed}`]),
  ];
}

/** A line for each backup. */
export function table(rows: readonly Measured[]): string {
  const lines = rows.map(({ program, seconds, peak, found }) => [
    ...[program, seconds.toFixed(1), peak.toFixed(0)],
    ...(typeof found === "string" ? [found] : cellsOf(found)),
  ]);
  const head = ["", "seconds", "peak MiB", "archive MiB", "session files", "set aside", "databases intact"];
  const whole = [head, ...lines.filter(({ length }) => length === head.length)];
  const widths = head.map((_, column) => Math.max(...whole.map((line) => line[column]?.length ?? 0)));
  return [head, ...lines]
    .map((line) => line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))))
    .map((cells) => `      ${cells.join("  ").trimEnd()}\n`)
    .join("");
}

function cellsOf({ archiveMiB, sessionFiles, setAside, intact }: Found): string[] {
  return [archiveMiB.toFixed(1), String(sessionFiles), String(setAside), `${intact} of ${PAIR.length}`];
}
