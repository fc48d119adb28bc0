import { HoldstillError } from "./errors.js";
import { tellingWhatIsKnown } from "./known-without-key.js";
import { blaming, checkFile, type ArchiveFile } from "./read-archive.js";
import { announced } from "./restore/announced.js";
import { onlyExpected } from "./restore/expected.js";
import { inventory, isPayload } from "./restore/inventory.js";
import type { Origin } from "./restore/origin.js";
import { assertRecorded } from "./verify.js";

/** An archive that is a file here. */
export function archiveOrigin(file: ArchiveFile): Origin {
  const { shown } = file;
  return {
    shown,
    async announced(around) {
      const copy = await tellingWhatIsKnown(around.fs, file.path, () => {
        return blaming(shown, () => announced(file.path, around));
      });
      if (copy === undefined) return undefined;
      const { snapshot, indexSha256, ...held } = copy;
      return { ...held, snapshot, root: snapshot.root, digest: indexSha256 };
    },
    // Whole, so that no byte of one that is damaged or hostile is ever written.
    async learn(around) {
      const held = inventory();
      const { result, sha256 } = await checkFile(file, around, { observer: held });
      const { root, sources, index } = result;
      return { root, sources, inventory: held.taken(), snapshot: index?.snapshot, digest: index?.sha256 ?? sha256 };
    },
    async read({ inventory: { entries }, digest }, visitor, around) {
      const observer = onlyExpected(entries, isPayload, visitor);
      const { result, sha256 } = await checkFile(file, around, { phase: "restore", observer });
      blaming(shown, () => {
        // The archive has the last word on what it is.
        if ((result.index?.sha256 ?? sha256) !== digest) throw changed();
        assertRecorded(around.fs, file.path, sha256);
      });
      return result.unchecked;
    },
  };
}

function changed(): HoldstillError {
  return new HoldstillError("bad-archive", "the archive is not what was announced of it, or has changed meanwhile");
}
