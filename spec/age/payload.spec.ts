import { expect } from "chai";
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { sealTo, unsealWith } from "../../lib/age/header.js";
import { decrypted } from "../../lib/age/open.js";
import { encrypting } from "../../lib/age/payload.js";
import { forThisRunOnly, knowing, type Sealed, type Unseal } from "../../lib/age/sealed.js";
import { HoldstillError } from "../../lib/errors.js";
import { chunked } from "../helpers/sample-archive.js";

const CHUNK = 64 << 10;
const SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 200_000];

/** Bytes of which no two chunks are alike. */
function plain(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
  return bytes;
}

async function encrypted(sealed: Sealed, data: Buffer, writes = 10_000): Promise<Buffer> {
  const stream = encrypting(sealed);
  const parts: Buffer[] = [];
  stream.on("data", (part: Buffer) => parts.push(part));
  for await (const chunk of chunked(data, writes)) stream.write(chunk);
  await new Promise<void>((resolve) => stream.end(resolve));
  return Buffer.concat(parts);
}

async function opened(file: Buffer, unseal: Unseal | undefined, reads = 7000): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of decrypted(chunked(file, reads), unseal)) parts.push(part);
  return Buffer.concat(parts);
}

/** What is wrong with a file, and all that was given out of it before that was noticed. */
async function refused(file: Buffer, unseal: Unseal) {
  const given: Buffer[] = [];
  try {
    for await (const part of decrypted(chunked(file, 10_000), unseal)) given.push(part);
  } catch (error) {
    if (!(error instanceof HoldstillError)) throw error;
    return { code: error.code, message: error.message, given: Buffer.concat(given) };
  }
  return expect.fail("it was taken");
}

describe("the payload of an age file", () => {
  for (const size of SIZES) {
    it(`of ${size} bytes is read by age-encryption, and read back`, async () => {
      const identity = await generateX25519Identity();
      const sealed = await sealTo({ recipients: [await identityToRecipient(identity)] })();
      const file = await encrypted(sealed, plain(size));
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      expect(Buffer.from(await decrypter.decrypt(file)).equals(plain(size))).to.equal(true);
      expect((await opened(file, knowing(sealed))).equals(plain(size))).to.equal(true);
    });

    it(`of ${size} bytes is taken from age-encryption`, async () => {
      const identity = await generateX25519Identity();
      const encrypter = new Encrypter();
      encrypter.addRecipient(await identityToRecipient(identity));
      const file = Buffer.from(await encrypter.encrypt(plain(size)));
      const unseal = unsealWith({ identities: [identity], passphrase: undefined });
      expect((await opened(file, unseal)).equals(plain(size))).to.equal(true);
    });
  }

  it("does not depend on how it is cut into writes and reads", async () => {
    const sealed = forThisRunOnly();
    for (const [writes, reads] of [
      [1, 300_000],
      [CHUNK, 1],
      [CHUNK + 16, CHUNK],
      [300_000, CHUNK + 16],
    ] as const) {
      const file = await encrypted(sealed, plain(CHUNK + 1000), writes);
      expect((await opened(file, knowing(sealed), reads)).equals(plain(CHUNK + 1000))).to.equal(true);
    }
  });

  describe("that was tampered with", () => {
    const sealed = forThisRunOnly();
    const unseal = knowing(sealed);
    const data = plain(2 * CHUNK + 5);
    const start = sealed.header.length;
    const first = start + 16;
    let file: Buffer;

    before(async () => {
      file = await encrypted(sealed, data);
    });

    it("is refused wherever a byte differs, and gives out nothing of that chunk or after it", async () => {
      const places = [0, 30, start - 2, start, start + 15, first, first + CHUNK - 1, first + CHUNK + 15];
      const later = [
        first + CHUNK + 16,
        first + 2 * CHUNK + 20,
        first + 2 * (CHUNK + 16),
        file.length - 17,
        file.length - 1,
      ];
      for (const at of [...places, ...later]) {
        const other = Buffer.from(file);
        other[at] = (other[at] ?? 0) ^ 1;
        const { code, given } = await refused(other, unseal);
        expect(code, `byte ${at}`).to.equal("bad-archive");
        const whole = Math.max(0, Math.floor((at - first) / (CHUNK + 16))) * CHUNK;
        expect(given.length, `byte ${at}`).to.be.at.most(whole);
        expect(given.equals(data.subarray(0, given.length)), `byte ${at}`).to.equal(true);
      }
    });

    it("is refused wherever it is cut off", async () => {
      const ends = [0, 10, start - 1, start, start + 15, first, first + 1, first + 15, first + 16, first + 17];
      const borders = [CHUNK + 15, CHUNK + 16, CHUNK + 17, CHUNK + 32, 2 * CHUNK + 31, 2 * CHUNK + 32, 2 * CHUNK + 33];
      for (const end of [...ends, ...borders.map((border) => first + border), file.length - 1]) {
        expect((await refused(file.subarray(0, end), unseal)).code, `${end} bytes`).to.equal("bad-archive");
      }
    });

    it("is told to end early where it is cut off between two chunks", async () => {
      const { message } = await refused(file.subarray(0, first + 2 * (CHUNK + 16)), unseal);
      expect(message).to.equal("the encrypted archive is damaged in chunk 2: it ends early");
    });

    it("is refused where something follows it", async () => {
      for (const rest of [Buffer.alloc(1), Buffer.alloc(16), Buffer.alloc(CHUNK + 16), file]) {
        expect((await refused(Buffer.concat([file, rest]), unseal)).code).to.equal("bad-archive");
      }
    });

    it("is refused where chunks changed places, one is missing, or comes twice", async () => {
      const [one, two] = [0, 1].map((n) => file.subarray(first + n * (CHUNK + 16), first + (n + 1) * (CHUNK + 16)));
      const [head, last] = [file.subarray(0, first), file.subarray(first + 2 * (CHUNK + 16))];
      if (!one || !two) throw new Error("it has two whole chunks");
      for (const order of [
        [two, one, last],
        [one, last],
        [one, two, two, last],
      ]) {
        expect((await refused(Buffer.concat([head, ...order]), unseal)).code).to.equal("bad-archive");
      }
    });

    it("is refused where an empty chunk ends it, as no writer makes one", async () => {
      // Of 64 KiB exactly; then a last chunk of nothing, made with the right key.
      const { createCipheriv, hkdfSync } = await import("node:crypto");
      const nonce = Buffer.alloc(16);
      const key = Buffer.from(hkdfSync("sha256", sealed.fileKey, nonce, "payload", 32));
      const chunk = (counter: number, isLast: boolean, body: Buffer): Buffer => {
        const at = Buffer.alloc(12);
        at[10] = counter;
        at[11] = isLast ? 1 : 0;
        const cipher = createCipheriv("chacha20-poly1305", key, at, { authTagLength: 16 });
        return Buffer.concat([cipher.update(body), cipher.final(), cipher.getAuthTag()]);
      };
      const made = [chunk(0, false, plain(CHUNK)), chunk(1, true, Buffer.alloc(0))];
      const { code, message } = await refused(Buffer.concat([sealed.header, nonce, ...made]), unseal);
      expect([code, message]).to.deep.equal([
        "bad-archive",
        "the encrypted archive is damaged in chunk 2: its last chunk is empty",
      ]);
    });
  });

  it("is not even looked at without a key", async () => {
    const file = await encrypted(forThisRunOnly(), plain(10));
    await opened(file, undefined).then(
      () => expect.fail("it was opened"),
      (error: unknown) => expect(error).to.have.property("code", "wrong-key"),
    );
  });
});
