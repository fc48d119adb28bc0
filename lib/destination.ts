import { HoldstillError } from "./errors.js";

/** A repository of restic, as restic takes it; undefined where its environment names it. */
export interface ResticDestination {
  readonly engine: "restic";
  readonly repository: string | undefined;
}

/** A directory of a remote, as rclone takes it. */
export interface RcloneDestination {
  readonly engine: "rclone";
  readonly directory: string;
}

/** Where archives are kept by another program. */
export type Destination = ResticDestination | RcloneDestination;

const HINT =
  "A destination is restic:REPOSITORY, such as restic:sftp:nas:/repo, or rclone:REMOTE:PATH, such as rclone:nas:backups.";

/**
 * What `restic:REPOSITORY` and `rclone:REMOTE:PATH` mean.
 * @throws HoldstillError `usage`
 */
export function destinationOf(text: string): Destination {
  const [, engine, rest = ""] = /^([a-z]+):(.*)$/s.exec(text) ?? [];
  if (engine === "restic") return { engine, repository: rest === "" ? undefined : rest };
  if (engine === "rclone" && rest !== "") return { engine, directory: rest };
  throw new HoldstillError("usage", `this is no destination: ${withoutSecrets(text)}`, { hint: HINT });
}

/** A remote as it may be shown. */
export function remoteText({ directory }: RcloneDestination): string {
  return `rclone:${withoutSecrets(directory)}`;
}

export function hasSecrets(destination: string): boolean {
  return withoutSecrets(destination) !== destination;
}

/** The text without the passwords of the URLs in it, and without what rclone takes as secrets in a remote. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/(:\/\/[^\s/:@]*):\S*@/g, "$1:***@")
    .replace(/(\w*(?:pass|secret|token|key)\w*)=("[^"]*"|'[^']*'|[^,:\s]*)/gi, "$1=***");
}
