import { isArchiveName, momentOfName } from "../archive/name.js";
import type { Summary } from "../archive/summary.js";
import { HoldstillError } from "../errors.js";
import { LATEST } from "../vault/archives.js";
import type { RemoteFile } from "./listing.js";

/** An archive on a remote, as far as it is known without reading it. */
export interface RemoteArchive {
  readonly name: string;
  readonly size: number;
  /** When it was made, in milliseconds of the epoch. */
  readonly moment: number;
  /** What the catalog there says, if that is of a file of this size. */
  readonly summary: Summary | undefined;
}

/** What of the files on a remote are archives, the newest last. */
export function archivesAmong(
  files: readonly RemoteFile[],
  summaryOf: (name: string) => Summary | undefined,
): RemoteArchive[] {
  return files
    .filter(({ name }) => isArchiveName(name) && !name.startsWith("."))
    .map(({ name, size, mtimeMs }) => {
      const noted = summaryOf(name);
      const summary = noted?.file.size === size ? noted : undefined;
      const moment = summary ? Date.parse(summary.createdAt) : (momentOfName(name) ?? mtimeMs);
      return { name, size, moment, summary };
    })
    .sort((a, b) => a.moment - b.moment || (a.name < b.name ? -1 : 1));
}

/**
 * The archive that a name stands for: `latest`, or the beginning of a name that no other has.
 * @throws HoldstillError `no-archive`, or `usage` where several names begin so
 */
export function namedAmong<T extends Pick<RemoteArchive, "name">>(name: string, archives: readonly T[]): T {
  const beginning = name === LATEST ? archives.slice(-1) : archives.filter((each) => each.name.startsWith(name));
  const [one, ...more] = beginning;
  const exact = name === "" ? undefined : archives.find((each) => each.name === name);
  if (exact !== undefined) return exact;
  if (one !== undefined && more.length === 0 && name !== "") return one;
  if (one !== undefined && name !== "") {
    throw new HoldstillError("usage", `the names of ${beginning.length} archives begin with ${name}`, {
      hint: `Name one of them: ${beginning.map((each) => each.name).join(", ")}`,
    });
  }
  const what = name === LATEST ? "no archive here" : `no archive whose name begins with ${name}`;
  throw new HoldstillError("no-archive", `there is ${what}`, { hint: "What there is: holdstill list --from rclone:…" });
}

/** Under what name an archive grows; the token is that of this upload. */
export function partialNameOf({ name, token }: { readonly name: string; readonly token: string }): string {
  return `.${name}.${token}.partial`;
}

/** Whether an archive grows under this name, or has ceased to. */
export function isPartial(name: string): boolean {
  return /^\..+\.[0-9a-f]{12}\.partial$/s.test(name);
}
