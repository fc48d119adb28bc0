import { nameOf, type Bytes } from "../bytes.js";

const JSONL = /\.jsonl(\.(reset|deleted)\..*|\.bak.*)?$/s;
const LOG = /\.log$/;
const COMPRESSED = /\.(zst|gz|bz2|xz|lz4|br|age)$/;

/** Whether a file holds one JSON document a line, and may therefore be cut after its last complete line. */
export function isJsonl(path: Bytes): boolean {
  const name = nameOf(path);
  return JSONL.test(name) && !COMPRESSED.test(name);
}

/** Whether a file is only ever appended to, so that its first bytes are what it was before it grew. */
export function isAppended(path: Bytes): boolean {
  return isJsonl(path) || LOG.test(nameOf(path));
}
