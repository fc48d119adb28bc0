import { isUtf8 } from "node:buffer";

declare const brand: unique symbol;

/**
 * A file name or path as the kernel has it: a string with one character, U+0000 to U+00FF, for each byte.
 * Such strings compare in bytewise order, serve as keys, and are as small as the bytes themselves. Text from
 * a person or for a person is converted at the edge, by `bytesOf` and `textOf`.
 */
export type Bytes = string & { readonly [brand]: true };

const NON_ASCII = /[^\0-\x7f]/;

export function isAscii(path: string): boolean {
  return !NON_ASCII.test(path);
}

/** The bytes that a text stands for, in UTF-8. */
export function bytesOf(text: string): Bytes {
  return (isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1")) as Bytes;
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
