import type { Bytes } from "../bytes.js";

/** What extended headers say of an entry in place of its own header. */
export interface Overrides {
  path?: Bytes;
  linkpath?: Bytes;
  size?: number;
  uid?: number;
  gid?: number;
  mtimeNs?: bigint;
}

/** What a PAX header holds; `problem` is what makes it unreadable, `irregular` what holdstill would not have written. */
export interface PaxRecords {
  readonly overrides: Overrides;
  readonly problem?: string;
  readonly irregular?: string;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const EQUALS = 0x3d;
const ZERO = 0x30;

const OURS: ReadonlySet<string> = new Set(["path", "linkpath", "mtime", "uid", "gid", "size"]);

const WHOLE = /^\d+$/;
const FINER = /\.\d{10}/;
const SECONDS = /^(-?)(\d{1,15})(?:\.(\d*))?$/;

/** The body of a PAX header: records of length, space, key, `=`, value and newline, without any padding. */
export function parsePax(body: Buffer): PaxRecords {
  const overrides: Overrides = {};
  const keys = new Set<string>();
  let irregular: string | undefined;
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(SPACE, at);
    const length = space < 0 ? 0 : recordLength(body, at, space);
    const end = at + length;
    const equals = body.indexOf(EQUALS, space);
    if (length === 0 || end > body.length || body[end - 1] !== NEWLINE || equals < 0 || equals >= end - 1) {
      return { overrides, problem: "a PAX record is malformed" };
    }
    const key = body.toString("latin1", space + 1, equals);
    // Not a slice of a longer string: names are kept, and would keep all of it.
    const value = body.toString("latin1", equals + 1, end - 1);
    irregular ??= irregularity(key, value, keys, overrides);
    const problem = apply(overrides, key, value);
    if (problem !== undefined) return { overrides, problem };
    at = end;
  }
  return { overrides, ...(irregular !== undefined && { irregular }) };
}

/** 0 where it is no number, or one with leading zeros. */
function recordLength(body: Buffer, from: number, to: number): number {
  if (to === from || to - from > 8 || body[from] === ZERO) return 0;
  let length = 0;
  for (let at = from; at < to; at++) {
    const digit = (body[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return 0;
    length = length * 10 + digit;
  }
  return length > to - from ? length : 0;
}

/** Returns what is wrong with a value. An empty one takes the record's effect away; other keys are not ours. */
function apply(overrides: Overrides, key: string, value: string): string | undefined {
  switch (key) {
    case "path":
    case "linkpath":
      if (value.includes("\0")) return `PAX ${key} holds a NUL`;
      if (value === "") delete overrides[key];
      else overrides[key] = value as Bytes;
      return undefined;
    case "size":
    case "uid":
    case "gid": {
      if (value === "") {
        delete overrides[key];
        return undefined;
      }
      const number = Number(value);
      if (!WHOLE.test(value) || !Number.isSafeInteger(number)) return `PAX ${key} is not a number`;
      overrides[key] = number;
      return undefined;
    }
    case "mtime": {
      if (value === "") {
        delete overrides.mtimeNs;
        return undefined;
      }
      const time = nanoseconds(value);
      if (time === undefined) return "PAX mtime is not a time";
      overrides.mtimeNs = time;
      return undefined;
    }
    default:
      return undefined;
  }
}

/** Decimal seconds in nanoseconds; what is finer is cut off. */
function nanoseconds(seconds: string): bigint | undefined {
  const [, sign, whole, fraction = ""] = SECONDS.exec(seconds) ?? [];
  if (whole === undefined) return undefined;
  const size = BigInt(whole + fraction.slice(0, 9).padEnd(9, "0"));
  return sign === "-" ? -size : size;
}

/** Each of our keys comes once; but archiver writes the path as it mended it before the path that we gave. */
function irregularity(key: string, value: string, keys: Set<string>, overrides: Overrides): string | undefined {
  if (!OURS.has(key)) return "a PAX key is unknown";
  if (value === "") return "a PAX value is empty";
  if (key === "mtime" && FINER.test(value)) return "PAX mtime is finer than a nanosecond";
  if (keys.has(key) && (key !== "path" || !isMended(overrides.path, value))) return "a PAX record is repeated";
  keys.add(key);
  return undefined;
}

function isMended(mended: Bytes | undefined, path: string): boolean {
  return mended === path || mended === path.replace(/[\\/]+/g, "/");
}
