import { HoldstillError } from "../errors.js";
import type { Method, SkipReason, Verdict } from "../stage/entry.js";
import { printLine, type CatalogLine, type EndLine, type Line } from "./index.js";

type Check = (value: unknown) => boolean;
type Fields = Readonly<Record<string, Check>>;

const METHODS: Readonly<Record<Method, true>> = { clone: true, link: true, copy: true, database: true };
const VERDICTS: Readonly<Record<Verdict, true>> = { exact: true, prefix: true, recaptured: true, unstable: true };
const REASONS: Readonly<Record<SkipReason, true>> = { vanished: true, excluded: true, special: true, unreadable: true };

/** An empty component, `.`, `..`, or a NUL: also what begins or ends with a slash. */
const UNSAFE = /(?:^|\/)\.{0,2}(?:\/|$)|\0/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const SHA256 = /^[0-9a-f]{64}$/;
const DECIMAL = /^(?:0|-?[1-9]\d*)$/;

const text: Check = (value) => typeof value === "string";
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const mode: Check = (value) => count(value) && (value as number) <= 0o7777;
const digest: Check = (value) => typeof value === "string" && SHA256.test(value);
const date: Check = (value) => typeof value === "string" && !Number.isNaN(Date.parse(value));
const decimal: Check = (value) => typeof value === "string" && DECIMAL.test(value);
const object: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const oneOf =
  (names: object): Check =>
  (value) =>
    typeof value === "string" && Object.hasOwn(names, value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const allOf =
  (fields: Fields): Check =>
  (value) =>
    object(value) && wrongField(value as Record<string, unknown>, fields) === undefined;

const relativePath = (path: string): boolean => path === "." || !UNSAFE.test(path);
const absolutePath = (path: string): boolean => path === "/" || (path.startsWith("/") && !UNSAFE.test(path.slice(1)));
const linkTarget = (target: string): boolean => target !== "" && !target.includes("\0");
const rootName = (name: unknown): boolean => typeof name === "string" && !UNSAFE.test(name) && !name.includes("/");

const owned: Fields = { source: count, mode, uid: count, gid: count, mtimeNs: decimal };

const source: Check = (value) =>
  object(value) &&
  wrongName(value as Record<string, unknown>, "path", absolutePath) === undefined &&
  optional(text)((value as Record<string, unknown>).kind);

const capture = allOf({ method: oneOf(METHODS), verdict: oneOf(VERDICTS), cut: count, at: text });

const FIELDS: Readonly<Record<Line["type"], Fields>> = {
  snapshot: {
    ...{ schema: (value) => value === 1, id: text, tool: text, createdAt: date, host: text, profile: text },
    root: rootName,
    sources: (value) => Array.isArray(value) && value.every(source),
    frozen: allOf({ from: text, to: text, ms: (value) => typeof value === "number" && value >= 0 }),
    ...{ strategy: text, label: optional(text), manifestSha256: digest },
  },
  file: {
    ...owned,
    ...{ size: count, sha256: digest, database: optional(object) },
    capture,
  },
  directory: owned,
  symlink: owned,
  hardlink: { ...owned, targetSource: optional(count) },
  skip: { source: count, reason: oneOf(REASONS), detail: optional(text), rule: optional(text) },
  end: {
    ...{ files: count, directories: count, symlinks: count, hardlinks: count, skipped: count },
    ...{ bytes: count, sha256: digest },
  },
};

const CATALOG_FIELDS: typeof FIELDS = {
  ...FIELDS,
  // Of an archive by others, whose manifest need not have one.
  snapshot: { ...FIELDS.snapshot, createdAt: text },
  file: { ...FIELDS.file, capture: optional(capture) },
};

/**
 * One line of an index, without its newline. Its paths are safe to join below a directory.
 * @throws HoldstillError `bad-archive`, naming the line
 */
export function parseLine(line: string, lineNumber: number): Line {
  return parse(line, lineNumber, FIELDS) as Line;
}

/** The same for a catalog, whose files may be without a proof. */
export function parseCatalogLine(line: string, lineNumber: number): CatalogLine {
  return parse(line, lineNumber, CATALOG_FIELDS);
}

function parse(line: string, lineNumber: number, allowed: typeof FIELDS): CatalogLine {
  const bad = (why: string): HoldstillError =>
    new HoldstillError("bad-archive", `line ${lineNumber} of the index: ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw bad("it is not JSON");
  }
  if (!object(value)) throw bad("it is not an object");
  const record = value as Record<string, unknown>;
  const { type } = record;
  if (typeof type !== "string" || !isType(type)) throw bad(`its type is unknown: ${JSON.stringify(type)}`);
  const wrong = wrongField(record, allowed[type]) ?? wrongNameOf(type, record);
  if (wrong !== undefined) throw bad(`${wrong} is missing or not valid`);
  if (type === "end" && printLine(ending(record as unknown as EndLine)) !== `${line}\n`) {
    throw bad("it is not as it was written");
  }
  return record as unknown as CatalogLine;
}

function isType(type: string): type is Line["type"] {
  return Object.hasOwn(FIELDS, type);
}

function wrongField(record: Readonly<Record<string, unknown>>, fields: Fields): string | undefined {
  for (const name in fields) if (fields[name]?.(record[name]) !== true) return name;
  return undefined;
}

function wrongNameOf(type: Line["type"], record: Readonly<Record<string, unknown>>): string | undefined {
  switch (type) {
    case "snapshot":
    case "end":
      return undefined;
    case "symlink":
      return wrongName(record, "path", relativePath) ?? wrongName(record, "target", linkTarget);
    case "hardlink":
      return wrongName(record, "path", relativePath) ?? wrongName(record, "target", relativePath);
    default:
      return wrongName(record, "path", relativePath);
  }
}

/** A name is given once: as text, or in base64. */
function wrongName(
  record: Readonly<Record<string, unknown>>,
  field: "path" | "target",
  allows: (name: string) => boolean,
): string | undefined {
  const plain = record[field];
  const base64 = record[`${field}Base64`];
  if (base64 === undefined) {
    return typeof plain === "string" && !LONE_SURROGATE.test(plain) && allows(plain) ? undefined : field;
  }
  if (plain !== undefined || typeof base64 !== "string") return field;
  const bytes = Buffer.from(base64, "base64");
  return bytes.toString("base64") === base64 && allows(bytes.toString("latin1")) ? undefined : field;
}

function ending({ files, directories, symlinks, hardlinks, skipped, bytes, sha256 }: EndLine): EndLine {
  return { type: "end", files, directories, symlinks, hardlinks, skipped, bytes, sha256 };
}
