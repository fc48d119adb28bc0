import { bytesOf, exactTextOf } from "../bytes.js";

/** A word as a POSIX shell is to be given it; in octal, as most shells take it, where it is not UTF-8. */
export function shellQuoted(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  const bytes = bytesOf(word);
  if (exactTextOf(bytes) !== undefined) return `'${word.replaceAll("'", `'\\''`)}'`;
  const octal = (byte: string): string => `\\${byte.charCodeAt(0).toString(8).padStart(3, "0")}`;
  return `$'${bytes.replaceAll(/[^\w@%+=:,./ -]/g, octal)}'`;
}
