/** Tar headers by hand, for what our own writer does not write. */
export interface RawHeader {
  readonly name?: string;
  readonly typeflag?: string;
  readonly size?: number | Buffer;
  readonly mode?: string;
  readonly uid?: Buffer;
  readonly mtime?: string | Buffer;
  readonly linkname?: string;
  readonly prefix?: string;
  readonly magic?: string;
  /** How the checksum is written. */
  readonly checksum?: (sum: number) => string;
}

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");

export function header(fields: RawHeader = {}): Buffer {
  const { name = "file", typeflag = "0", size = 0, mode = "0000644\0", mtime = "00000000001\0" } = fields;
  const { linkname = "", prefix = "", magic = "ustar\x0000", uid = Buffer.from("0001750\0") } = fields;
  const block = Buffer.alloc(512);
  block.write(name, 0, 100, "latin1");
  block.write(mode, 100);
  block.set(uid, 108);
  block.write("0001750\0", 116);
  block.set(typeof size === "number" ? Buffer.from(`${octal(size, 11)}\0`) : size, 124);
  block.set(Buffer.from(mtime), 136);
  block.write("        ", 148);
  block.write(typeflag, 156);
  block.write(linkname, 157, 100, "latin1");
  block.write(magic, 257);
  block.write(prefix, 345, 155, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write((fields.checksum ?? ((value) => `${octal(value, 6)}\0 `))(sum), 148);
  return block;
}

/** A body, filled up to whole blocks. */
export function padded(body: string | Buffer): Buffer {
  const bytes = Buffer.from(body as string, "latin1");
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 511)]);
}

export function entry(name: string, body: string, fields: RawHeader = {}): Buffer {
  return Buffer.concat([header({ name, size: body.length, ...fields }), padded(body)]);
}

/** An extended header: its body as it is. */
export function extended(typeflag: string, body: string): Buffer {
  return entry("PaxHeader", body, { typeflag });
}

/** PAX records, with their lengths. */
export function records(fields: readonly (readonly [key: string, value: string])[]): string {
  return fields.map(([key, value]) => record(` ${key}=${value}\n`)).join("");
}

function record(rest: string): string {
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

export function pax(fields: Readonly<Record<string, string>>): Buffer {
  return extended("x", records(Object.entries(fields)));
}

export const END = Buffer.alloc(1024);

export function tar(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, END]);
}

/** A number as base 256 has it, negative ones in two's complement. */
export function base256(value: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = length - 1, rest = BigInt.asUintN(8 * length, value); at >= 0; at--, rest >>= 8n) {
    bytes[at] = Number(rest & 0xffn);
  }
  if (value >= 0n) bytes[0] = 0x80;
  return bytes;
}
