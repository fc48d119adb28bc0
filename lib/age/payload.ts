import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { Transform } from "node:stream";
import { HoldstillError } from "../errors.js";
import type { Sealed } from "./sealed.js";

/*
 * The payload of an age file (https://c2sp.org/age#payload): chunks of 64 KiB, each with a tag, the last one with a flag
 * in its nonce. By Node's own cipher: scripts/bench-age.js tells how much faster that is than age-encryption.
 */

const CHUNK = 64 << 10;
const TAG = 16;
const CIPHER = "chacha20-poly1305";

export const NONCE = 16;

/** Takes what is to be encrypted, in writes of any size, and gives a whole age file. */
export function encrypting({ header, fileKey }: Sealed): Transform {
  const nonce = randomBytes(NONCE);
  const key = payloadKey(fileKey, nonce);
  const blocks = heldBack(CHUNK);
  let head: readonly Buffer[] = [header, nonce];
  let counter = 0;
  const sealed = (plain: Buffer, isLast: boolean): readonly Buffer[] => {
    const cipher = createCipheriv(CIPHER, key, chunkNonce(counter++, isLast), { authTagLength: TAG });
    return [cipher.update(plain), cipher.final(), cipher.getAuthTag()];
  };
  const taken = (): readonly Buffer[] => {
    const parts = head;
    head = [];
    return parts;
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const parts = blocks.add(chunk).flatMap((block) => sealed(block, false));
      done(null, parts.length > 0 ? Buffer.concat([...taken(), ...parts]) : undefined);
    },
    flush(done) {
      done(null, Buffer.concat([...taken(), ...sealed(blocks.rest(), true)]));
    },
  });
}

/**
 * Decrypts a payload whose nonce has been read. What it gives is authentic, and in its place; whether it is all there
 * is known at its end only.
 * @throws HoldstillError `bad-archive` where it was tampered with, cut off, or goes on after its end
 */
export async function* decrypting(
  chunks: AsyncIterable<Buffer>,
  fileKey: Buffer,
  nonce: Buffer,
): AsyncGenerator<Buffer> {
  const key = payloadKey(fileKey, nonce);
  const blocks = heldBack(CHUNK + TAG);
  let counter = 0;
  const opened = (block: Buffer, isLast: boolean): Buffer | undefined => {
    if (block.length < TAG) return undefined;
    const body = block.length - TAG;
    const decipher = createDecipheriv(CIPHER, key, chunkNonce(counter, isLast), { authTagLength: TAG });
    decipher.setAuthTag(block.subarray(body));
    const plain = decipher.update(block.subarray(0, body));
    try {
      decipher.final();
    } catch {
      // The tag does not fit, and OpenSSL says no more.
      return undefined;
    }
    return plain;
  };
  for await (const chunk of chunks) {
    const parts: Buffer[] = [];
    for (const block of blocks.add(chunk)) {
      const plain = opened(block, false);
      if (plain === undefined) throw damaged(counter, "it was tampered with, or goes on after its end");
      parts.push(plain);
      counter++;
    }
    if (parts.length > 0) yield Buffer.concat(parts);
  }
  const block = blocks.rest();
  const plain = opened(block, true);
  if (plain === undefined)
    throw damaged(counter, opened(block, false) ? "it ends early" : "it is cut off or tampered with");
  if (plain.length === 0 && counter > 0) throw damaged(counter, "its last chunk is empty");
  if (plain.length > 0) yield plain;
}

function damaged(counter: number, what: string): HoldstillError {
  return new HoldstillError("bad-archive", `the encrypted archive is damaged in chunk ${counter + 1}: ${what}`);
}

function payloadKey(fileKey: Buffer, nonce: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", fileKey, nonce, "payload", 32));
}

/** Eleven bytes that count, and one that says whether it is the last. */
function chunkNonce(counter: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(counter, 5, 6);
  if (isLast) nonce[11] = 1;
  return nonce;
}

/** Blocks of one size, the last one held back: only the end of the stream tells that it is the last. */
function heldBack(size: number) {
  let parts: Buffer[] = [];
  let length = 0;
  return {
    add(chunk: Buffer): Buffer[] {
      parts.push(chunk);
      length += chunk.length;
      if (length <= size) return [];
      const all = parts.length === 1 ? chunk : Buffer.concat(parts, length);
      const blocks: Buffer[] = [];
      let at = 0;
      for (; length - at > size; at += size) blocks.push(all.subarray(at, at + size));
      parts = [all.subarray(at)];
      length -= at;
      return blocks;
    },
    rest: () => Buffer.concat(parts, length),
  };
}
