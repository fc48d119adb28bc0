import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { Checked, Inspector } from "./check.js";
import type { Manifest } from "./parse-manifest.js";
import { comparison } from "./compare.js";
import { digester } from "./digest.js";
import { indexReader } from "./index-reader.js";
import { payloadRoot } from "./index.js";
import type { TarEntry } from "./read.js";
import { seenEntries } from "./seen.js";

/** For an archive that holdstill made: the payload in bytewise order, then the index, and nothing else. */
export function checkOwn(manifest: Manifest): Inspector {
  const payload = `${payloadRoot(manifest.root)}/`;
  const indexName = `${manifest.entry.name.slice(0, -"manifest.json".length)}holdstill/index.jsonl`;
  const seen = seenEntries();
  const body = digester();
  const compared = comparison(seen, manifest);
  const reader = indexReader(compared.line);
  let current: TarEntry | undefined;
  let inIndex = false;
  let last = "" as Bytes;

  return {
    entry(entry) {
      if (inIndex) throw bad(`${textOf(entry.name)} follows the index`);
      inIndex = entry.name === indexName;
      if (inIndex) {
        checkIndexEntry(entry, manifest.entry);
        return;
      }
      if (!entry.name.startsWith(payload)) throw bad(`not in the payload: ${textOf(entry.name)}`);
      const shown = textOf(entry.name.slice(payload.length) as Bytes);
      if (entry.name === last) throw bad(`twice in the archive: ${shown}`);
      if (entry.name < last) throw bad(`out of order in the archive: ${shown}`);
      last = entry.name;
      current = entry;
      body.begin(entry.size);
    },
    data(chunk) {
      if (inIndex) reader.push(chunk);
      else body.update(chunk);
    },
    end() {
      if (inIndex || current === undefined) return;
      const { type } = current;
      if (type === "other") throw bad(`of a type that holdstill does not store: ${textOf(current.name)}`);
      seen.add({ ...current, type }, type === "file" ? body.end() : NOTHING);
    },
    finish(): Checked {
      if (!inIndex) throw bad("it has no index");
      const sha256 = reader.finish();
      return { ...compared.result(sha256), unchecked: [], manifest };
    },
  };
}

const NOTHING = Buffer.alloc(0);

/** The index says nothing of these two; they were written alike. */
function checkIndexEntry(index: TarEntry, manifest: TarEntry): void {
  for (const field of ["type", "mode", "uid", "gid", "mtimeNs", "linkname"] as const) {
    if (index[field] !== manifest[field]) throw bad(`manifest and index differ in their ${field}`);
  }
}

function bad(what: string): HoldstillError {
  return new HoldstillError("bad-archive", what);
}
