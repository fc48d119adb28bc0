import type { Bytes } from "../bytes.js";
import type { Listed } from "../filesystem.js";

/** A file that, by lying in a directory, says that the directory is not to be backed up. */
export interface Marker {
  readonly rule: string;
  readonly name: Bytes;
  /** What the file has to begin with; without it the name alone is enough. */
  readonly signature?: string;
}

/** OpenClaw's private captures of an update: never in a backup, whatever the options. */
export const PRIVATE_CAPTURE: Marker = {
  rule: "openclaw:update-captures",
  name: ".openclaw-private-update-capture" as Bytes,
};

/** https://bford.info/cachedir/ */
export const CACHE_DIRECTORY: Marker = {
  rule: "CACHEDIR.TAG",
  name: "CACHEDIR.TAG" as Bytes,
  signature: "Signature: 8a477f597d28d172789f06886806bc55",
};

/**
 * The rule that leaves out a directory for what lies in it. `read` gives the first `length` bytes of one of its
 * files, or undefined where it cannot be read; it is called only for a marker that is there and has a signature.
 */
export function excludedByContent(
  markers: readonly Marker[],
  listed: readonly Listed[],
  read: (name: Bytes, length: number) => Uint8Array | undefined,
): string | undefined {
  return markers.find((marker) => {
    if (!listed.some(({ name }) => name === marker.name)) return false;
    const { signature } = marker;
    if (signature === undefined) return true;
    const head = read(marker.name, signature.length);
    return head !== undefined && Buffer.from(head).toString("latin1") === signature;
  })?.rule;
}
