import { hash } from "node:crypto";
import { encrypting } from "../age/payload.js";
import type { Sealed } from "../age/sealed.js";
import { bytesOf } from "../bytes.js";
import type { FrozenFile } from "../stage/entry.js";
import type { Body } from "../stage/guard.js";
import type { IndexFile } from "../vault/index-file.js";
import type { Partial } from "../vault/partial.js";
import { ChangedWhileStreaming, UnreadableWhileStreaming } from "./body.js";
import { compressor, type CompressionChoice } from "./compress.js";
import { printLine, type SnapshotLine } from "./index.js";
import { endLine } from "./lines.js";
import { pack, type PackOptions } from "./pack.js";
import { tally, type Totals } from "./tally.js";
import { tarStore, type TarStoreOptions } from "./tar-store.js";
import { writeTar, type TarHeader } from "./write.js";

/** Archiving starts again for so many files that change while they are streamed; then all are copied first. */
const RESTARTS = 3;

export interface ArchiveOptions extends Omit<PackOptions, "open">, TarStoreOptions {
  readonly open: (file: FrozenFile, copyFirst: boolean) => ReturnType<PackOptions["open"]>;
  readonly manifest: string;
  readonly snapshot: Omit<SnapshotLine, "manifestSha256">;
  readonly choice: CompressionChoice;
  /** Creates the files that the archive grows in. */
  readonly begin: () => Promise<Growing>;
  /** In milliseconds of the epoch. */
  readonly createdMs: number;
}

export interface Growing {
  readonly partial: Partial;
  readonly index: IndexFile;
  /** Where the archive is to be encrypted. */
  readonly sealed: Sealed | undefined;
  /** Removes both, if they are still there. */
  readonly end: () => void;
}

export interface Archived extends Growing {
  readonly totals: Totals;
}

/** Archives what was frozen into a partial archive. The caller syncs it, and ends it. */
export async function archive(options: ArchiveOptions): Promise<Archived> {
  const changed = new Set<FrozenFile>();
  const unreadable = new Map<FrozenFile, string>();
  for (;;) {
    const all = changed.size >= RESTARTS;
    const open = (file: FrozenFile): Body | Promise<Body> => {
      const detail = unreadable.get(file);
      if (detail !== undefined) return { status: "unreadable", detail };
      return options.open(file, all || changed.has(file));
    };
    const growing = await options.begin();
    try {
      return { ...growing, totals: await archiveOnce({ ...options, open }, growing) };
    } catch (error) {
      growing.end();
      if (error instanceof UnreadableWhileStreaming) unreadable.set(error.file, error.detail);
      else if (error instanceof ChangedWhileStreaming && !changed.has(error.file)) changed.add(error.file);
      else throw error;
    }
  }
}

async function archiveOnce(
  options: Omit<ArchiveOptions, "open"> & Pick<PackOptions, "open">,
  { partial, index, sealed }: Growing,
): Promise<Totals> {
  const { root, manifest, snapshot, choice, createdMs } = options;
  const sums = tally();
  const own = (path: string): TarHeader => ({
    ...{ type: "file", mode: 0o600, uid: 0, gid: 0, mtimeNs: BigInt(createdMs) * 1_000_000n },
    path: bytesOf(`${root}/${path}`),
  });

  await writeTar(
    async (tar) => {
      const manifestBytes = Buffer.from(manifest);
      await tar.add(own("manifest.json"), manifestBytes);
      index.append(printLine({ ...snapshot, manifestSha256: hash("sha256", manifestBytes, "hex") }));
      await pack(options, { store: tarStore(options, tar), index: index.append, tally: sums });
      const size = index.close((sha256) => printLine(endLine(sums.totals(), sha256)));
      await tar.stream(own("holdstill/index.jsonl"), size, index.chunks());
    },
    [compressor(choice), ...(sealed ? [encrypting(sealed)] : []), partial.stream()],
  );
  return sums.totals();
}
