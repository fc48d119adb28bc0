import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient, type Recipient } from "age-encryption";
import { HoldstillError } from "../errors.js";
import { byPassphrase, openingByPassphrase } from "./passphrase.js";
import type { Seal, Unseal } from "./sealed.js";

/** What a file is encrypted to: public keys, or a passphrase. In age it is never both. */
export type Lock = { readonly recipients: readonly string[] } | { readonly passphrase: string };

/** What opens files: secrets. */
export interface Keys {
  /** As they stand in a file: `AGE-SECRET-KEY-1…`. */
  readonly identities: readonly string[];
  readonly passphrase: string | undefined;
}

/** An empty payload: one chunk of nothing but its tag, after the nonce. */
const EMPTY_PAYLOAD = 16 + 16;

/**
 * How files are begun that these may read.
 * @throws HoldstillError `usage` where one is no recipient, which its spelling did not show
 */
export function sealTo(lock: Lock): Seal {
  const recipients = "passphrase" in lock ? [byPassphrase(lock.passphrase)] : lock.recipients;
  for (const recipient of recipients) add(new Encrypter(), recipient);
  return async () => {
    let fileKey = Buffer.alloc(0);
    const listener: Recipient = {
      wrapFileKey(key) {
        fileKey = Buffer.from(key);
        return [];
      },
    };
    const encrypter = new Encrypter();
    for (const recipient of [...recipients, listener]) add(encrypter, recipient);
    const file = await encrypter.encrypt(new Uint8Array(0));
    return { header: Buffer.from(file.subarray(0, -EMPTY_PAYLOAD)), fileKey };
  };
}

function add(encrypter: Encrypter, recipient: Recipient | string): void {
  try {
    encrypter.addRecipient(recipient);
  } catch (error) {
    throw new HoldstillError("usage", "a recipient is misspelt: its check does not fit", {
      hint: "Copy it once more from where it was made; `holdstill key show FILE` prints the one of an identity.",
      cause: error,
    });
  }
}

/**
 * How files are opened with these.
 * @throws HoldstillError `wrong-key` where one is no identity, which its spelling did not show
 */
export function unsealWith({ identities, passphrase }: Keys): Unseal {
  const decrypter = new Decrypter();
  for (const identity of identities) decrypter.addIdentity(identity);
  if (passphrase !== undefined) decrypter.addIdentity(openingByPassphrase(passphrase));
  return async (header) => {
    try {
      return Buffer.from(await decrypter.decryptHeader(header));
    } catch (error) {
      throw explained(error, header);
    }
  };
}

const FOR_A_PASSPHRASE = /^-> scrypt /m;

function explained(error: unknown, header: Buffer): unknown {
  if (!(error instanceof Error)) return error;
  if (!error.message.startsWith("no identity matched")) {
    return new HoldstillError("bad-archive", `the archive is damaged: its header cannot be read (${error.message})`);
  }
  return FOR_A_PASSPHRASE.test(header.toString("latin1"))
    ? new HoldstillError("wrong-key", "the archive is encrypted with a passphrase, and not with the one given", {
        hint: "Give the passphrase with --passphrase-file FILE.",
      })
    : new HoldstillError("wrong-key", "the archive is encrypted to other keys than those given", {
        hint: "Give the identity that belongs to one of its recipients: --identity FILE.",
      });
}

export interface KeyPair {
  readonly identity: string;
  readonly recipient: string;
}

export async function generateKey(): Promise<KeyPair> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await recipientOf(identity) };
}

/** @throws HoldstillError `wrong-key` for what is no identity */
export async function recipientOf(identity: string): Promise<string> {
  try {
    return await identityToRecipient(identity);
  } catch {
    // Its message may repeat the secret.
    throw new HoldstillError("wrong-key", "an identity is misspelt: its check does not fit");
  }
}
