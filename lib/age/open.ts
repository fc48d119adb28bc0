import { HoldstillError } from "../errors.js";
import { pull } from "../archive/pull.js";
import { decrypting, NONCE } from "./payload.js";
import type { Unseal } from "./sealed.js";

/** Of a header with thousands of recipients, in bytes. */
const LARGEST_HEADER = 1 << 20;

/**
 * Decrypts an age file as it is read.
 * @param unseal undefined where no identity is at hand
 * @throws HoldstillError `wrong-key`, `bad-archive`
 */
export async function* decrypted(chunks: AsyncIterable<Buffer>, unseal: Unseal | undefined): AsyncGenerator<Buffer> {
  if (unseal === undefined) throw noKey();
  const source = pull(chunks);
  try {
    let header: Buffer = Buffer.alloc(0);
    let end: number | undefined;
    let rest: Buffer = header;
    while (end === undefined) {
      if (header.length > LARGEST_HEADER) throw damaged("its header does not end");
      const part = source.some(Infinity);
      if (part === undefined) {
        if (!(await source.more())) throw damaged("it ends within its header");
        continue;
      }
      header = Buffer.concat([header, part]);
      end = headerEnd(header);
      if (end !== undefined) [header, rest] = [header.subarray(0, end), header.subarray(end)];
    }
    const fileKey = await unseal(header);
    while (rest.length < NONCE) {
      const part = source.some(Infinity);
      if (part !== undefined) rest = Buffer.concat([rest, part]);
      else if (!(await source.more())) throw damaged("it ends after its header");
    }
    yield* decrypting(followed(rest.subarray(NONCE), source), fileKey, rest.subarray(0, NONCE));
  } finally {
    await source.close();
  }
}

export function noKey(): HoldstillError {
  return new HoldstillError("wrong-key", "the archive is encrypted, and no key was given", {
    hint: "Give the identity with --identity FILE, or the passphrase with --passphrase-file FILE.",
  });
}

/** Just after the line of the MAC. */
function headerEnd(bytes: Buffer): number | undefined {
  const mac = bytes.indexOf("\n---", 0, "latin1");
  const end = mac < 0 ? -1 : bytes.indexOf(0x0a, mac + 1);
  return end < 0 ? undefined : end + 1;
}

async function* followed(first: Buffer, source: ReturnType<typeof pull>): AsyncGenerator<Buffer> {
  yield first;
  for (;;) {
    const part = source.some(Infinity);
    if (part !== undefined) yield part;
    else if (!(await source.more())) return;
  }
}

function damaged(what: string): HoldstillError {
  return new HoldstillError("bad-archive", `the encrypted archive is damaged: ${what}`);
}
