import { posix } from "node:path";
import { generateKey, recipientOf, sealTo, unsealWith } from "./age/header.js";
import { isExposed, readIdentities, readRecipients } from "./age/key-files.js";
import type { Seal, Unseal } from "./age/sealed.js";
import { bytesOf, parentOf } from "./bytes.js";
import { HoldstillError } from "./errors.js";
import type { GeneratedKey, ShownKey } from "./report/key-report.js";
import type { Surroundings } from "./surroundings.js";
import { outputExists, unusable } from "./vault/output.js";
import { syncDirectory } from "./vault/publish.js";
import { isErrno } from "./errors.js";
import { unlinkIfThere } from "./unlink-if-there.js";
import { writeAll } from "./write-all.js";

type Around = Pick<Surroundings, "fs" | "cwd">;

export interface GivenLock {
  /** Recipients (`age1…`), and files of them. */
  readonly encryptTo: readonly string[];
  readonly passphrase: string | undefined;
}

/**
 * How archives are encrypted to whom was named; undefined where nobody was.
 * @throws HoldstillError `usage`
 */
export function sealFor({ encryptTo, passphrase }: GivenLock, around: Around): Seal | undefined {
  if (passphrase === undefined) {
    return encryptTo.length === 0 ? undefined : sealTo({ recipients: readRecipients(encryptTo, around) });
  }
  if (encryptTo.length === 0) return sealTo({ passphrase });
  throw new HoldstillError("usage", "an archive is encrypted to recipients or with a passphrase, not with both", {
    hint: "The age format does not allow it. Leave out --passphrase-file, or what encryptTo says.",
  });
}

export interface GivenKeys {
  /** Files of identities. */
  readonly identities: readonly string[];
  readonly passphrase: string | undefined;
}

/**
 * How archives are decrypted with what was given; undefined where nothing was.
 * @throws HoldstillError `wrong-key`, `usage`
 */
export async function unsealFor(
  { identities, passphrase }: GivenKeys,
  around: Around & Pick<Surroundings, "onEvent">,
): Promise<Unseal | undefined> {
  const read = readIdentities(identities, around);
  for (const file of identities.filter((each) => isExposed(each, around))) {
    around.onEvent({ type: "warning", message: `others can read the secret key in ${file}: chmod 600 ${file}` });
  }
  if (read.length === 0 && passphrase === undefined) return undefined;
  // Of those that are misspelt age-encryption tells only when it uses them.
  for (const identity of read) await recipientOf(identity);
  return unsealWith({ identities: read, passphrase });
}

/**
 * Makes a pair of keys, and writes the secret one into a file that is readable by its owner alone.
 * @throws HoldstillError `output-exists`, `output-unusable`, `no-space`
 */
export async function generate(
  output: string,
  { fs, cwd, now }: Around & Pick<Surroundings, "now">,
): Promise<GeneratedKey> {
  const identity = posix.resolve(cwd, output);
  const key = await generateKey();
  const text = `# created: ${new Date(now()).toISOString()}\n# public key: ${key.recipient}\n${key.identity}\n`;
  const path = bytesOf(identity);
  let fd: number | undefined;
  try {
    fd = fs.create(path, 0o600);
    writeAll(fs, fd, Buffer.from(text));
    await fs.sync(fd);
    await syncDirectory(fs, parentOf(path));
  } catch (error) {
    if (isErrno(error, "EEXIST")) throw outputExists(identity);
    // Half a key opens nothing.
    if (fd !== undefined) unlinkIfThere(fs, path);
    throw unusable(path, error);
  } finally {
    if (fd !== undefined) fs.close(fd);
  }
  return { outcome: "generated", identity, recipient: key.recipient };
}

/**
 * The recipients that belong to the identities in a file.
 * @throws HoldstillError `wrong-key`
 */
export async function showKeys(file: string, around: Around): Promise<ShownKey> {
  const identities = readIdentities([file], around);
  return { outcome: "shown", recipients: await Promise.all(identities.map(recipientOf)) };
}
