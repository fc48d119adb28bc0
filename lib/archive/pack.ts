import type { Filesystem } from "../filesystem.js";
import type { FrozenEntry, FrozenFile, FrozenHardlink, Skipped } from "../stage/entry.js";
import type { Body, Proof } from "../stage/guard.js";
import { printLine } from "./index.js";
import { fileLine, lineOf } from "./lines.js";
import type { Tally } from "./tally.js";

export interface PackOptions {
  readonly fs: Filesystem;
  /** In bytewise order of their absolute paths. */
  readonly entries: readonly FrozenEntry[];
  /** Opens a frozen file: see `guard`. */
  readonly open: (file: FrozenFile) => Body | Promise<Body>;
  readonly onProgress: (files: number, bytes: number) => void;
}

export type OpenBody = Exclude<Body, { status: "unreadable" }>;

/** What entries are put into; a promise is waited for before the next. */
export interface Store {
  /** Takes a file in, and closes its body. */
  readonly file: (file: FrozenFile, body: OpenBody) => StoredFile | Promise<StoredFile>;
  readonly other: (entry: Exclude<FrozenEntry, FrozenFile | Skipped>) => Promise<void> | undefined;
}

export type StoredFile =
  | { readonly status: "stored"; readonly proof: Proof; readonly sha256: string }
  | { readonly status: "unreadable"; readonly detail: string };

/** Where it all goes: the store, a line of the index for each entry, and the sums of the report. */
export interface Packing {
  readonly store: Store;
  readonly index: (line: string) => void;
  readonly tally: Tally;
}

/** Puts all entries into the store. */
export async function pack(options: PackOptions, { store, index, tally }: Packing): Promise<void> {
  const unreadable = new Set<FrozenFile>();
  let files = 0;
  let bytes = 0;

  const leaveOut = ({ source, path }: FrozenFile | FrozenHardlink, detail: string): void => {
    const skipped: Skipped = { type: "skip", source, path, reason: "unreadable", detail };
    tally.skip(skipped);
    index(printLine(lineOf(skipped)));
  };

  const packed = (file: FrozenFile, stored: StoredFile): void => {
    if (stored.status === "unreadable") {
      unreadable.add(file);
      leaveOut(file, stored.detail);
      return;
    }
    const { proof, sha256 } = stored;
    tally.file(file, proof);
    index(printLine(fileLine(file, proof, sha256)));
    options.onProgress(++files, (bytes += proof.size));
  };

  for (const entry of options.entries) {
    // Where there is nothing to wait for nothing is waited for: promises cost more than small files do.
    if (entry.type === "file") {
      const opening = options.open(entry);
      const body = opening instanceof Promise ? await opening : opening;
      const storing = body.status === "unreadable" ? body : store.file(entry, body);
      packed(entry, storing instanceof Promise ? await storing : storing);
    } else if (entry.type === "skip") {
      tally.skip(entry);
      index(printLine(lineOf(entry)));
    } else if (entry.type === "hardlink" && unreadable.has(entry.target)) {
      leaveOut(entry, "it could not be read by its other name");
    } else {
      const storing = store.other(entry);
      if (storing !== undefined) await storing;
      tally.other(entry.type);
      index(printLine(lineOf(entry)));
    }
  }
}
