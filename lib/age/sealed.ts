import { randomBytes } from "node:crypto";
import { HoldstillError } from "../errors.js";

/** The beginning of an age file, and the key that it carries: for its recipients, and for who has made it. */
export interface Sealed {
  /** To the end of its MAC, newline included. */
  readonly header: Buffer;
  readonly fileKey: Buffer;
}

/** Begins an age file, each with a key of its own. */
export type Seal = () => Promise<Sealed>;

/**
 * The file key out of a header.
 * @throws HoldstillError `wrong-key` where no identity fits, `bad-archive` where the header is damaged
 */
export type Unseal = (header: Buffer) => Promise<Buffer>;

/** Opens one file only, and needs no identity: for the run that has written it. */
export function knowing({ header, fileKey }: Sealed): Unseal {
  return async (found) => {
    if (found.equals(header)) return fileKey;
    throw new HoldstillError("bad-archive", "the archive is damaged: its header is not the one that was written");
  };
}

/** For a file that nobody is to read after this run. */
export function forThisRunOnly(): Sealed {
  return { header: Buffer.from(`${MAGIC}\n--- ${"A".repeat(43)}\n`), fileKey: randomBytes(16) };
}

export const MAGIC = "age-encryption.org/v1";
const ARMOR = "-----BEGIN AGE ENCRYPTED FILE-----";

/** Whether a file is encrypted with age, by its first bytes. */
export function isAge(head: Buffer): boolean {
  return head.toString("latin1", 0, MAGIC.length) === MAGIC;
}

/** The same, as text for letters. */
export function isArmored(head: Buffer): boolean {
  return head.toString("latin1", 0, ARMOR.length) === ARMOR;
}
