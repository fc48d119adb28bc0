import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { Stanza, type Identity, type Recipient } from "age-encryption";

/*
 * The scrypt recipient of age (https://c2sp.org/age#scrypt-recipient-stanza), by Node's own scrypt: that of
 * age-encryption keeps the file key to itself, and the event loop waiting.
 */

/** age's own work factor: a quarter of a gigabyte, and about a second. */
const WORK = 18;
/** One gigabyte: who makes a file must not make its reader run out of memory. */
const MOST_WORK = 20;

const CIPHER = "chacha20-poly1305";
const TAG = { authTagLength: 16 } as const;
const ZERO = Buffer.alloc(12);

export function byPassphrase(passphrase: string): Recipient {
  return {
    async wrapFileKey(fileKey) {
      const salt = randomBytes(16);
      const cipher = createCipheriv(CIPHER, await keyOf(passphrase, salt, WORK), ZERO, TAG);
      const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
      return [new Stanza(["scrypt", salt.toString("base64").replace(/=+$/, ""), String(WORK)], body)];
    },
  };
}

export function openingByPassphrase(passphrase: string): Identity {
  return {
    async unwrapFileKey(stanzas) {
      const [stanza, ...others] = stanzas.filter(({ args }) => args[0] === "scrypt");
      if (stanza === undefined) return null;
      // Another stanza would let somebody else open it: the passphrase would not tell who has made the file.
      if (others.length > 0 || stanzas.length > 1) throw new Error("a passphrase is not the only recipient");
      const [, salt = "", work = "", ...more] = stanza.args;
      if (
        more.length > 0 ||
        !/^[A-Za-z0-9+/]{22}$/.test(salt) ||
        !/^[1-9]\d?$/.test(work) ||
        stanza.body.length !== 32
      ) {
        throw new Error("the stanza of a passphrase is malformed");
      }
      if (Number(work) > MOST_WORK) throw new Error("the work factor of a passphrase is too high");
      const key = await keyOf(passphrase, Buffer.from(salt, "base64"), Number(work));
      const decipher = createDecipheriv(CIPHER, key, ZERO, TAG);
      decipher.setAuthTag(stanza.body.subarray(16));
      const fileKey = decipher.update(stanza.body.subarray(0, 16));
      try {
        decipher.final();
      } catch {
        // Another passphrase.
        return null;
      }
      return fileKey;
    },
  };
}

function keyOf(passphrase: string, salt: Buffer, work: number): Promise<Buffer> {
  const salted = Buffer.concat([Buffer.from("age-encryption.org/v1/scrypt"), salt]);
  return new Promise((resolve, reject) => {
    const cost = { N: 2 ** work, r: 8, p: 1, maxmem: 2 ** (work + 11) };
    scrypt(passphrase, salted, 32, cost, (error, made) => (error ? reject(error) : resolve(made)));
  });
}
