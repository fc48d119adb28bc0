import { isUtf8 } from "node:buffer";

declare const brand: unique symbol;

/**
 * A file name or path as the kernel has it: a string with one character, U+0000 to U+00FF, for each byte.
 * Such strings compare in bytewise order, serve as keys, and are as small as the bytes themselves. Text from
 * a person or for a person is converted at the edge, by `bytesOf` and `textOf`.
 */
export type Bytes = string & { readonly [brand]: true };

const NON_ASCII = /[^\0-\x7f]/;

const ESCAPED = 0xdc00;
const ESCAPE = /[\udc80-\udcff]/u;
const ESCAPES = /([\udc80-\udcff])/u;
/** What may be one character in UTF-8, or else bytes. */
const CHARACTER = /[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|[\x80-\xff]/g;
const BYTE = /[^]/g;

export function isAscii(path: string): boolean {
  return !NON_ASCII.test(path);
}

/** The bytes that a text stands for, in UTF-8; of what `escaped` has made, those that it was made of. */
export function bytesOf(text: string): Bytes {
  if (isAscii(text)) return text as Bytes;
  if (!ESCAPE.test(text)) return Buffer.from(text, "utf8").toString("latin1") as Bytes;
  const parts = text.split(ESCAPES).map((part) => {
    return ESCAPE.test(part) ? String.fromCharCode(part.charCodeAt(0) - ESCAPED) : bytesOf(part);
  });
  return parts.join("") as Bytes;
}

/** Bytes as text from which `bytesOf` makes the same bytes again: each that is not UTF-8 is a lone surrogate (PEP 383). */
export function escaped(bytes: Bytes): string {
  const text = exactTextOf(bytes);
  if (text !== undefined) return text;
  return bytes.replace(CHARACTER, (run) => exactTextOf(run as Bytes) ?? run.replace(BYTE, escapedByte));
}

function escapedByte(byte: string): string {
  return String.fromCharCode(byte.charCodeAt(0) + ESCAPED);
}

/** The text that bytes stand for; what is not UTF-8 becomes U+FFFD. For people: never to open a file with. */
export function textOf(bytes: Bytes): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

/** The text that bytes stand for, or undefined where they are not UTF-8. */
export function exactTextOf(bytes: Bytes): string | undefined {
  if (isAscii(bytes)) return bytes;
  const buffer = Buffer.from(bytes, "latin1");
  return isUtf8(buffer) ? buffer.toString("utf8") : undefined;
}

/** `parent/name`; the root of a source is `.` and does not show in the paths below it. */
export function below(parent: Bytes, name: Bytes): Bytes {
  return (parent === "." ? name : `${parent}/${name}`) as Bytes;
}

/** An absolute path and a path relative to it, joined. */
export function under(root: Bytes, path: Bytes): Bytes {
  if (path === ".") return root;
  return (root === "/" ? `/${path}` : `${root}/${path}`) as Bytes;
}

/** Everything before the last slash of a relative path; `.` for what lies in the root itself. */
export function parentOf(path: Bytes): Bytes {
  const slash = path.lastIndexOf("/");
  return (slash < 0 ? "." : path.slice(0, slash)) as Bytes;
}

export function nameOf(path: Bytes): Bytes {
  return path.slice(path.lastIndexOf("/") + 1) as Bytes;
}

/** Bytewise order, for `sort`. */
export function bytewise(a: Bytes, b: Bytes): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
