import type { Bytes } from "../bytes.js";

/**
 * Tar records for names that are not UTF-8. archiver takes names as strings and PAX records are UTF-8; GNU's long name
 * records (`L`, and `K` for link targets) hold the bytes as they are, and GNU tar, bsdtar and tar-stream read them.
 */
export function longNameRecord(type: "L" | "K", name: Bytes): Buffer {
  return record(type, "././@LongLink", Buffer.from(`${name}\0`, "latin1"));
}

/** A PAX record without a `path`, which would be preferred to the long name. */
export function paxRecord(fields: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(fields).map(([key, value]) => paxLine(` ${key}=${value}\n`));
  return record("x", "PaxHeader", Buffer.from(lines.join("")));
}

/** A line of a PAX record begins with its own length. */
function paxLine(rest: string): string {
  const bare = Buffer.byteLength(rest);
  let length = bare + 1;
  while (bare + String(length).length !== length) length = bare + String(length).length;
  return `${length}${rest}`;
}

function record(type: string, name: string, body: Buffer): Buffer {
  const size = body.length;
  const block = Buffer.alloc(512 + Math.ceil(size / 512) * 512);
  block.write(name, 0);
  block.write("000644 \0", 100);
  block.write("000000 \0", 108);
  block.write("000000 \0", 116);
  block.write(`${size.toString(8).padStart(11, "0")} `, 124);
  block.write("00000000000 ", 136);
  block.write("        ", 148);
  block.write(type, 156);
  block.write("ustar\x0000", 257);
  let sum = 0;
  for (let i = 0; i < 512; i++) sum += block[i] ?? 0;
  block.write(`${sum.toString(8).padStart(6, "0")} \0`, 148);
  body.copy(block, 512);
  return block;
}
