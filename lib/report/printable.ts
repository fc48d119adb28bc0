// Control characters (C0, DEL, C1), line and paragraph separators, and what turns the direction of text around.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * One line with nothing in it that a terminal would obey. Written as JSON writes them (`\u001b`), so that a line of
 * JSON stays the same document.
 */
export function printable(line: string): string {
  return line.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
