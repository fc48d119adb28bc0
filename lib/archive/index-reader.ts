import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { HoldstillError } from "../errors.js";
import type { CatalogLine, Line } from "./index.js";
import { parseCatalogLine, parseLine } from "./parse-line.js";

/** In bytes. Paths on Linux have at most 4096. */
const LONGEST_LINE = 1 << 20;
const NEWLINE = 0x0a;

export interface IndexReader {
  readonly push: (chunk: Buffer) => void;
  /** To be called when there are no more chunks. Returns the digest that the last line gives, which is true. */
  readonly finish: () => string;
}

/**
 * Reads an index chunk by chunk and gives its lines, of which it keeps none. The first line is the snapshot's, the last
 * the end line, and what that says is the digest of all before it.
 * @throws HoldstillError `bad-archive` from both functions
 */
export function indexReader(onLine: (line: Line) => void): IndexReader {
  return reader(parseLine, onLine);
}

/** The same for the copy of an index in a catalog. */
export function catalogReader(onLine: (line: CatalogLine) => void): IndexReader {
  return reader(parseCatalogLine, onLine);
}

function reader<T extends CatalogLine>(
  parse: (line: string, lineNumber: number) => T,
  onLine: (line: T) => void,
): IndexReader {
  const hash = createHash("sha256");
  let rest: Buffer = Buffer.alloc(0);
  let number = 0;
  let closing: string | undefined;

  const take = (line: Buffer): T => {
    if (line.length > LONGEST_LINE) throw bad(`line ${number} is too long`);
    if (!isUtf8(line)) throw bad(`line ${number} is not UTF-8`);
    const parsed = parse(line.toString("utf8"), number);
    if ((number === 1) !== (parsed.type === "snapshot")) throw bad("its first line, and no other, is the snapshot's");
    return parsed;
  };

  return {
    push(chunk) {
      const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let start = 0;
      for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
        if (closing !== undefined) throw bad("something follows its last line");
        number += 1;
        const line = take(data.subarray(start, end));
        if (line.type === "end") {
          hash.update(data.subarray(0, start));
          closing = line.sha256;
          if (hash.digest("hex") !== closing) throw bad("its digest differs");
        }
        start = end + 1;
        onLine(line);
      }
      if (closing === undefined) hash.update(data.subarray(0, start));
      // A copy: the chunk may be large, and its owner may use it again.
      rest = Buffer.from(data.subarray(start));
      if (rest.length > LONGEST_LINE) throw bad(`line ${number + 1} is too long`);
    },
    finish() {
      if (closing === undefined) throw bad("it is not closed");
      if (rest.length > 0) throw bad("something follows its last line");
      return closing;
    },
  };
}

function bad(why: string): HoldstillError {
  return new HoldstillError("bad-archive", `the index is damaged: ${why}`);
}
