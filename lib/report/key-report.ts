/** What `key generate --json` prints. */
export interface GeneratedKey {
  readonly outcome: "generated";
  /** The file of the secret key. */
  readonly identity: string;
  readonly recipient: string;
}

/** What `key show --json` prints. */
export interface ShownKey {
  readonly outcome: "shown";
  readonly recipients: readonly string[];
}

/** What there is to do with a new pair of keys. */
export function generatedLines({ identity, recipient }: GeneratedKey): string[] {
  return [
    `Wrote ${identity}`,
    "",
    `Recipient (public key): ${recipient}`,
    "Backups are encrypted to it. Put it into the configuration (encryptTo), or name it:",
    `  holdstill create --encrypt-to ${recipient}`,
    "",
    "The file is the identity (secret key). Nothing else opens the backups, and nobody can make it again:",
    "  keep it in two places, such as a password manager and a sheet of paper,",
    "  and not with the backups: whoever has both reads them, and what destroys one destroys the other.",
    "The machine that makes backups does not need it. Move it away from there.",
  ];
}
