import { textOf } from "../bytes.js";
import { pathText, targetOf, type CatalogEntry, type CatalogFile, type CaptureProof } from "../archive/index.js";
import { numberText } from "./size.js";

const KINDS = { file: "-", directory: "d", symlink: "l", hardlink: "h" } as const;

/** Type and permissions as `ls -l` has them: `-rw-r-----`. */
export function modeText(type: keyof typeof KINDS, mode: number): string {
  const letters = ["r", "w", "x"].flatMap((_, at) =>
    ["r", "w", "x"].map((letter, bit) => bitText(mode, at, bit, letter)),
  );
  return `${KINDS[type]}${letters.join("")}`;
}

/** The bits of setuid, setgid and sticky stand in the place of the three x. */
function bitText(mode: number, group: number, bit: number, letter: string): string {
  const isSet = (mode & (0o400 >> (group * 3 + bit))) !== 0;
  if (bit < 2 || (mode & (0o4000 >> group)) === 0) return isSet ? letter : "-";
  const special = group === 2 ? "t" : "s";
  return isSet ? special : special.toUpperCase();
}

/** Nanoseconds of the epoch in UTC, to the second; as they are where no calendar reaches. */
export function timeText(mtimeNs: string): string {
  const date = new Date(Number(BigInt(mtimeNs) / 1_000_000n));
  return Number.isNaN(date.getTime()) ? `${mtimeNs} ns` : date.toISOString().replace(/\.\d+Z$/, "Z");
}

/** A line as `ls -l` has it; for what is not in the archive, why. */
export function entryText(line: CatalogEntry, path: string): string {
  if (line.type === "skip") return skipText(line, path);
  const { type, mode, uid, gid, mtimeNs } = line;
  const size = line.type === "file" ? line.size : 0;
  const columns = [modeText(type, mode), `${uid}/${gid}`.padEnd(9), String(size).padStart(10), timeText(mtimeNs)];
  return `${columns.join("  ")}  ${path}${linkText(line)}`;
}

function linkText(line: Exclude<CatalogEntry, { readonly type: "skip" }>): string {
  if (line.type === "symlink") return ` -> ${textOf(targetOf(line))}`;
  return line.type === "hardlink" ? ` link to ${textOf(targetOf(line))}` : "";
}

type SkipLine = Extract<CatalogEntry, { readonly type: "skip" }>;

/** `vanished`, `excluded by *.log`, `special: socket`. */
export function reasonText({ reason, rule, detail }: Pick<SkipLine, "reason" | "rule" | "detail">): string {
  if (rule !== undefined) return `${reason} by ${rule}`;
  return detail === undefined ? reason : `${reason}: ${detail}`;
}

function skipText(line: SkipLine, path: string): string {
  return `${reasonText(line)}  ${path}`;
}

const METHODS: Readonly<Record<CaptureProof["method"], string>> = {
  clone: "a reflink",
  link: "a hard link",
  copy: "a copy",
  database: "SQLite's backup",
};

const VERDICTS: Readonly<Record<CaptureProof["verdict"], string>> = {
  exact: "the bytes of that moment",
  prefix: "it grew afterwards, and is archived as at that moment",
  recaptured: "it changed after the freeze, and is archived whole as of that moment",
  unstable: "it was not to be read at rest: the last reading",
};

/** How a file was captured, in a few lines; nothing of what is no file. */
export function proofLines(line: CatalogEntry, path: string): string[] {
  if (line.type === "hardlink") return [path, `  the file  ${textOf(targetOf(line))}, of which this is another name`];
  return line.type === "file" ? fileProof(line, path) : [];
}

function fileProof(line: CatalogFile, path: string): string[] {
  const { size, sha256, capture, database } = line;
  return [
    path,
    `  size      ${numberText(size)} bytes`,
    `  sha256    ${sha256}`,
    ...(capture ? captureLines(capture) : ["  captured  unknown: the archive does not tell"]),
    ...(database ? [`  database  ${databaseText(database)}`] : []),
  ];
}

function captureLines({ method, verdict, cut, at, reason }: CaptureProof): string[] {
  return [
    `  captured  ${at}, as ${METHODS[method]}`,
    `  verdict   ${verdict}: ${VERDICTS[verdict]}${reason === undefined ? "" : ` (${reason})`}`,
    `  cut       ${cut === 0 ? "nothing" : `${numberText(cut)} bytes of a half-written last line`}`,
  ];
}

function databaseText(proof: Readonly<Record<string, unknown>>): string {
  return Object.entries(proof)
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

/** What of a listing is not in the archive: `3 vanished, 12 excluded`. */
export function leftText(counts: ReadonlyMap<string, number>): string[] {
  if (counts.size === 0) return [];
  const list = [...counts].map(([reason, count]) => `${numberText(count)} ${reason}`).join(", ");
  return [`Not in the archive: ${list}. --skipped names them.`];
}

/** The document of an entry: its line of the index, and where it was. */
export function entryDocument(line: CatalogEntry, live: string): object {
  return { ...line, path: pathText(line), live };
}
