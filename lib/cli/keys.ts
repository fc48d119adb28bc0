import type { Seal, Unseal } from "../age/sealed.js";
import type { Settings } from "../config/settings.js";
import { HoldstillError } from "../errors.js";
import type { Surroundings } from "../surroundings.js";
import { askSecret } from "./ask-secret.js";
import type { UseCases } from "./use-cases.js";

interface Given {
  readonly passphrase: boolean | undefined;
  readonly passphraseFile: string | undefined;
}

/** What encrypts an archive, by what was asked for; undefined where it is not to be encrypted. */
export async function sealOf(
  given: Given,
  settings: Settings,
  around: Surroundings,
  useCases: UseCases,
): Promise<Seal | undefined> {
  return sealedBy(await passphraseOf(given, "twice", around, useCases), settings, around, useCases);
}

/** The same surroundings, with what opens encrypted archives. */
export async function unlocked(
  given: Given,
  settings: Settings,
  around: Surroundings,
  useCases: UseCases,
): Promise<Surroundings> {
  const passphrase = await passphraseOf(given, "once", around, useCases);
  return { ...around, unseal: await openedBy(passphrase, settings, around, useCases) };
}

/** Both: what encrypts an archive, and what opens it again. */
export async function sealAndUnseal(
  given: Given,
  settings: Settings,
  around: Surroundings,
  useCases: UseCases,
): Promise<{ readonly seal: Seal | undefined; readonly unseal: Unseal | undefined }> {
  const passphrase = await passphraseOf(given, "twice", around, useCases);
  return {
    seal: await sealedBy(passphrase, settings, around, useCases),
    unseal: await openedBy(passphrase, settings, around, useCases),
  };
}

async function sealedBy(
  passphrase: string | undefined,
  { encryptTo }: Settings,
  around: Surroundings,
  { seal }: UseCases,
): Promise<Seal | undefined> {
  return encryptTo.length === 0 && passphrase === undefined ? undefined : seal({ encryptTo, passphrase }, around);
}

async function openedBy(
  passphrase: string | undefined,
  { identity: identities }: Settings,
  around: Surroundings,
  { unseal }: UseCases,
): Promise<Unseal | undefined> {
  return identities.length === 0 && passphrase === undefined ? undefined : unseal({ identities, passphrase }, around);
}

/**
 * Who encrypts types it twice: nobody can tell later what was meant. A file of it is read here, once: it may be what a
 * shell hands over of another program's output.
 */
async function passphraseOf(
  { passphrase, passphraseFile }: Given,
  typed: "once" | "twice",
  around: Surroundings,
  useCases: UseCases,
): Promise<string | undefined> {
  if (passphrase !== true) {
    return passphraseFile === undefined ? undefined : useCases.passphrase(passphraseFile, around);
  }
  if (passphraseFile !== undefined) throw new HoldstillError("usage", "--passphrase goes without --passphrase-file");
  const text = await askSecret("Passphrase: ", around.signal);
  if (text === "") throw new HoldstillError("usage", "the passphrase is empty");
  if (typed === "twice" && (await askSecret("Once more: ", around.signal)) !== text) {
    throw new HoldstillError("usage", "that was another passphrase");
  }
  return text;
}
